"""English: phrases written for the scenarios."""

from stream.scenarios.tongues.grammar import Tongue, Topic, bits

_FOOTBALL = Topic(
    tags=bits("matchday|derby|football|COYG|cupfinal"),
    who=bits("""our left back|that referee|the new striker|the whole back four
        |my five-a-side captain|number [n]|the lad from [place]|the away end|the fourth official
        |our goalkeeper|the physio|the gaffer"""),
    does=bits("""gave away [what]|can't stop talking about [what]|was robbed of [what]
        |owes us [what]|turned a corner into [what]|just signed for [what]|missed [what] by a mile
        |will never get over [what]|saved [what] with one hand|somehow celebrated [what]
        |argued for ten minutes about [what]"""),
    what=bits("""a soft penalty|the easiest throw-in of the year|an offside by a toenail
        |[n] corners in a row|a pitch full of puddles|the ugliest away shirt|stoppage time
        |a header from two yards|the old stadium|a red card nobody saw|a free kick against [place]"""),
)
_WORK = Topic(
    tags=bits("MondayMood|officelife|workfromhome|meetings"),
    who=bits("""my manager|the printer on floor [n]|someone in accounts|our intern [name]
        |the calendar app|this client|the guy who microwaves fish|HR|the project tracker
        |my standing desk|the coffee machine|our consultant"""),
    does=bits("""scheduled [what]|broke [what]|sent everyone [what]|wants [what] before lunch
        |quietly cancelled [what]|replied all about [what]|forgot the password to [what]
        |invented a new word for [what]|put googly eyes on [what]|needs [what] signed in triplicate
        |spent the budget on [what]"""),
    what=bits("""a meeting about meetings|the quarterly spreadsheet|[n] unread tickets
        |the shared fridge|a slide with forty arrows|the office plant|a mandatory fun day
        |the only working stapler|my annual review|a survey nobody asked for|the lift"""),
)
_FOOD = Topic(
    tags=bits("foodie|homecooking|lunch|baking"),
    who=bits("""my sourdough starter|grandma|the corner bakery in [place]|this noodle bar
        |my flatmate [name]|the food truck by the canal|our neighbour|a total stranger
        |the airport café|my toddler|the fish counter"""),
    does=bits("""makes [what]|burnt [what]|charges fourteen quid for [what]|has ruined [what] for me
        |refuses to share [what]|put pineapple on [what]|finally perfected [what]
        |dropped [what] on the carpet|swears by [what]|only serves [what] on Tuesdays"""),
    what=bits("""a lemon tart|pickled carrots|the crispiest potatoes|leek soup
        |[n] dumplings for a fiver|cinnamon buns|a suspicious omelette|rhubarb jam|cold pizza
        |the last samosa|black garlic"""),
)
_TV = Topic(
    tags=bits("nowwatching|finale|bakeoff|spoilers"),
    who=bits("""the detective|whoever wrote episode [n]|the villain's dog|that presenter
        |the narrator|my aunt [name]|the judge with the scarf|every single contestant
        |the lead in that hospital drama|the translator"""),
    does=bits("""just revealed [what]|walked out over [what]|has better lines than [what]
        |deserves [what]|cried at [what]|completely forgot [what]|rewrote [what]
        |is secretly in love with [what]|got eliminated because of [what]
        |explained [what] with a puppet"""),
    what=bits("""the twin brother|the missing briefcase|a soggy biscuit|the season two cliffhanger
        |an award|the wrong suspect|that awful wig|the lighthouse scene|[n] plot holes
        |the theme tune"""),
)
_TRANSIT = Topic(
    tags=bits("commute|trainspotting|delays|cycling"),
    who=bits("""the [clock] to [place]|this bus driver|a man with a cello|the ticket gate
        |my bike chain|the replacement coach|a pigeon on the platform|the conductor
        |the lady opposite|line [n]|the taxi queue"""),
    does=bits("""is blocking [what]|has swallowed [what]|took the scenic route past [what]
        |announced [what]|waited patiently for [what]|is late again because of [what]
        |apologised for [what]|got stuck behind [what]|smells like [what]|skipped [what] entirely"""),
    what=bits("""a signal failure|my monthly pass|leaves on the line|three stops|the quiet carriage
        |a herd of schoolkids|the bridge at [place]|wet umbrellas|a broken escalator|roadworks"""),
)
_CAMPUS = Topic(
    tags=bits("finals|studyblr|thesis|phdlife"),
    who=bits("""my supervisor|the library heating|the kid in row [n]|our group project
        |my roommate [name]|the exam board|my chemistry tutor|the vending machine|this textbook
        |the dean"""),
    does=bits("""lost [what]|moved the deadline for [what]|fell asleep during [what]|cited [what]
        |wants a footnote about [what]|made a meme of [what]|marked down [what]
        |highlighted [what] in pink|assumes everyone knows [what]|emailed at midnight about [what]"""),
    what=bits("""chapter [n]|the bibliography|a ten-minute talk|organic chemistry|the lab coat
        |statistics|my only pen|the wrong thesis|a pop quiz|the dictionary"""),
)
_MUSIC = Topic(
    tags=bits("vinyl|livemusic|newalbum|gig"),
    who=bits("""the support act|that drummer|my upstairs neighbour|the choir in [place]|DJ [name]
        |the bassist's mum|this playlist|a busker by the station|the sound engineer
        |the second violin"""),
    does=bits("""covered [what]|plays [what] at [clock]|opened with [what]|can't tune [what]
        |sampled [what]|dedicated the encore to [what]|left [what] on stage
        |turned [what] into a waltz|needed [n] takes for [what]|screamed through [what]"""),
    what=bits("""a sea shanty|the saddest ballad|a broken tambourine|the B-side|a lullaby|side two
        |their first demo|the key change|an accordion|the wedding march"""),
)
_PACIFIC = Topic(
    tags=bits("NewCaledonia|Noumea|Pacific|Paris2024|Olympics"),
    who=bits("""my cousin in Noumea|the correspondent in Sydney|the airport desk
        |a teacher from [place]|the paper I read|a historian on the radio|the ferry company
        |my old pen friend [name]|the embassy page"""),
    does=bits("""says [what]|is worried about [what]|has a long thread about [what]
        |posted pictures of [what]|can't find out about [what]|asks people to stay calm about [what]
        |compares it to [what]|reports [what] since [clock]|explained [what] well"""),
    what=bits("""empty shelves and closed schools|the curfew in Noumea
        |the voting reform in New Caledonia|flights to the islands|roadblocks near the harbour
        |the accords of the nineties|the torch relay|tickets for the Games
        |how the pharmacies ration insulin"""),
)

TONGUE = Tongue(
    code="en",
    script="Latin",
    share=23,
    topics=(_FOOTBALL, _TV, _WORK, _FOOD, _MUSIC, _TRANSIT, _PACIFIC, _CAMPUS),
    tails=bits("""since breakfast|for the [n]th time|in front of everyone|and nobody blinked
        |on a Wednesday|in [place]|without even looking|according to [name]|before [clock]
        |at full volume|right outside my window|as usual|with zero warning|while it was hailing
        |and I respect it|on live TV|and then blamed [name]|all week long|somewhere near [place]
        |like it's nothing|during the minute of silence|as if it were [n] degrees
        |with a straight face|two days running|instead of sleeping|next to a very confused dog"""),
    openers=bits("""Honestly|Update|Right|So apparently|Breaking from my kitchen|Not to be dramatic
        |Petition|Reminder|Ok but|Hot take|Can confirm|Meanwhile in [place]|Day [n]|Dear diary|Lads
        |News from [place]|I swear|Hear me out|Weird one|Small joys|For the record|[name] was right
        |Plot twist|Only in [place]"""),
    remarks=bits("""I need a nap|[name] is going to be unbearable|someone owes me [n] pounds|we move
        |no further questions|ask me again at [clock]|this is why I moved to [place]
        |my mum called it|I have so many questions|please send biscuits|never felt more alive
        |the group chat is on fire|I was not ready|still thinking about it|that's the tweet
        |not even mad|tell [name] I said hi|ten out of ten would cringe again|you had to be there
        |I laughed until [clock]|see you all in [place]|thoughts and prayers for my sleep
        |worth every penny|it gets worse every year|can't wait for round two|I'm keeping receipts
        |[n] people saw it happen"""),
    shorts=bits("""lol|same|no way|this|mood|crying|what|ok|hahaha|yesss|nope|help|I can't|so true
        |finally|who did this|facts|goodnight|wow|love it|not again|why though|big if true|thanks
        |bless"""),
    greetings=bits("""Good morning|Good morning everyone|Morning all|GM|Happy Wednesday
        |Good morning world|Morning, have a lovely day|Good morning my friends, coffee first
        |Have a great day everybody|Good morning from [place]|Rise and shine
        |Wishing you all a peaceful Wednesday"""),
    names=bits("""Priya|Callum|Niamh|Marcus|Zoe|Femi|Beth|Tariq|Ines|Gethin|Morag|Dev|Lottie|Kwame
        |Ruth|Stan|Imogen|Hari|Bronwyn|Otis|Freya|Leroy|Agnes|Yusuf|Perpetua|Dougal|Sunita|Wilf|Oona
        |Barnaby"""),
    places=bits("""Leeds|Swindon|Galway|Hobart|Duluth|Accra|Dundee|Tulsa|Cork|Wrexham|Lagos|Penzance
        |Durban|Reno|Perth|Ottawa|Bristol|Nairobi|Hull|Boise|Margate|Truro|Savannah|Kendal|Dunedin"""),
)
