"""German: phrases written for the scenarios."""

from stream.scenarios.tongues.grammar import Tongue, Topic, bits

_BAHN = Topic(
    tags=bits("Bahn|Verspätung|OEPNV|Fahrrad"),
    who=bits("""der Zug nach [place]|die Linie [n]|mein Fahrrad|der Schaffner|ein Mann mit Tuba
        |die Rolltreppe|der Ersatzbus|eine Taube am Gleis|die Durchsage|der Fahrkartenautomat"""),
    does=bits("""blockiert [what]|verschluckt [what]|wartet auf [what]|fotografiert [what]
        |überspringt [what]|entschuldigt sich für [what]|umfährt [what]|besingt [what]
        |zerlegt [what]|sucht [what]"""),
    what=bits("""eine Weichenstörung|drei Haltestellen|meine Monatskarte|den Anschluss um [clock]
        |eine Schulklasse|Bratwurst|die Baustelle bei [place]|das Ruheabteil|den Aufzug
        |herrenlose Koffer"""),
)
_BUERO = Topic(
    tags=bits("Homeoffice|Büro|Montag|Meeting"),
    who=bits("""die Chefin|der Drucker|unser Praktikant [name]|die Buchhaltung|der Kunde aus [place]
        |die Kaffeemaschine|mein Bürostuhl|der Betriebsrat|die neue Kollegin|der Berater"""),
    does=bits("""plant [what]|vergisst [what]|verschickt [what] an alle|will [what] bis [clock]
        |kündigt [what] an|kopiert [what]|verlegt [what]|lobt [what]|hasst [what]|dekoriert [what]"""),
    what=bits("""eine Besprechung über Besprechungen|die Tabelle mit [n] Zeilen|den Teamausflug
        |das Passwort|die letzte Milch|den Quartalsbericht|die Zimmerpflanze|das Mitarbeitergespräch
        |den einzigen Locher"""),
)
_ESSEN = Topic(
    tags=bits("Rezept|Backen|Kantine|Spargel"),
    who=bits("""meine Oma|der Bäcker in [place]|mein Sauerteig|der Nachbar|die Kantine
        |mein Mitbewohner [name]|der Imbiss am Eck|die Schwiegermutter|ein Fremder|der Grill"""),
    does=bits("""macht [what]|verbrennt [what]|versteckt [what]|verkauft [what] überteuert
        |schwört auf [what]|schenkt mir [what]|vermasselt [what]|isst heimlich [what]
        |erfindet [what] neu|verliert [what]"""),
    what=bits("""den Zwetschgenkuchen|Kartoffelsalat für [n]|die letzte Brezel|saure Gurken
        |eine fragwürdige Pizza|Linsensuppe|Spargel mit Erdbeeren|das Roggenbrot|den Apfelstrudel"""),
)
_FUSSBALL = Topic(
    tags=bits("Bundesliga|Relegation|Fussball|EURO2024"),
    who=bits("""der Schiri|unser Torwart|die Nummer [n]|der Kölner Keller|der Trainer
        |der Junge aus [place]|die Kurve|der Kommentator|mein Schwager [name]"""),
    does=bits("""verschenkt [what]|pfeift [what]|verpasst [what]|feiert [what]|fordert [what]
        |verschläft [what]|diskutiert über [what]|verdient [what]|bejubelt [what] allein"""),
    what=bits("""einen Elfmeter|die Ecke in Minute [n]|ein klares Abseits|den Klassenerhalt
        |das Auswärtstrikot|die Nachspielzeit|einen Einwurf|den Freistoß|ein Eigentor"""),
)

TONGUE = Tongue(
    code="de",
    script="Latin",
    share=4,
    topics=(_FUSSBALL, _BAHN, _BUERO, _ESSEN),
    tails=bits("""seit dem Frühstück|zum [n]. Mal|vor allen Leuten|in [place]|ohne Vorwarnung
        |laut [name]|noch vor [clock]|wie immer|bei Hagel|und keiner sagt was|live im Fernsehen
        |die ganze Woche|mit ernster Miene|an einem Mittwoch|statt zu schlafen|während [name] filmt
        |und ich feiere das|in Hausschuhen"""),
    openers=bits("""Ehrlich|Leute|Update|Kurze Frage|Tag [n]|Grüße aus [place]|Nur mal so
        |Zur Erinnerung|Bestätigt|[name] hatte recht|Hilfe|Unpopuläre Meinung|Fun Fact|Ich schwöre"""),
    remarks=bits("""ich brauche ein Nickerchen|[name] wird unausstehlich
        |jemand schuldet mir [n] Euro|Mama hat gewarnt|ich ziehe nach [place]
        |fragt mich um [clock] nochmal|schickt Kekse|keine weiteren Fragen|ich lache immer noch
        |die Familiengruppe brennt|grüßt [name]|man musste dabei sein|war jeden Cent wert
        |jedes Jahr schlimmer|[n] Zeugen und kein Täter|ich hebe die Beweise auf|bin nicht mal sauer"""),
    shorts=bits("""haha|gleich|nein|ja|was|endlich|oh Mann|danke|läuft|stimmt|Hilfe|stark|nö
        |gute Nacht|wow|wer war das"""),
    greetings=bits("""Guten Morgen|Moin|Guten Morgen zusammen|Schönen Mittwoch euch allen
        |Moin aus [place]|Guten Morgen, erst mal Kaffee|Habt einen schönen Tag"""),
    names=bits("""Wiebke|Jürgen|Anke|Cem|Lieselotte|Torben|Gudrun|Malte|Ayşe|Heinz|Friederike|Sven
        |Uschi|Bogdan"""),
    places=bits("""Kassel|Husum|Chemnitz|Graz|Bielefeld|Ulm|Rostock|Bern|Trier|Passau|Gera|Bremen
        |Linz|Siegen"""),
)
