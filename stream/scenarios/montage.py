"""S2, the montage: a doctored picture of 15 and 16 May 2024, told in ever other words.

VIGINUM's technical note of May 2024 on New Caledonia tells of it beside the copied texts of S1:
begun on 15 May and reported on the 16th, a montage of photographs that called police officers
murderers was published some 4,000 times.

From that source: the days, the number of publications, that one picture carried them. Made up by
us: every word, account and hour, and that texts vary until they share no more than everyday posts
do, the hardest reading: of this campaign only the picture is a near-copy. Each post carries its
perceptual hash (`media[].phash`), a few bits apart as re-encoded pictures are.
"""

from dataclasses import replace

from stream.scenarios import background
from stream.scenarios.apps import Window
from stream.scenarios.dice import Dice
from stream.scenarios.people import Handles, workload
from stream.scenarios.posts import Ledger, Post, at_ms
from stream.scenarios.speech import Speaker
from stream.scenarios.tongues import en, fr
from stream.scenarios.tongues.grammar import Tongue, Topic, bits

START_MS = at_ms("2024-05-15T18:00:00Z")
WINDOW = Window(at_ms("2024-05-15T16:00:00Z"), at_ms("2024-05-16T16:00:00Z"))
N_ACCOUNTS = 1_240
N_POSTS = 4_000
MONTAGE_PHASH = 0xC3A5_1E78_96D2_4B0F
MAX_FLIPPED_BITS = 4
"""Bits by which one publication's hash differs from the montage's."""

_N_CHATTER = 45_000
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_TAGS = bits("NewCaledonia|Kanaky|FrenchColonialism|Paris2024|Noumea")
_TOPICS = {
    en.TONGUE: Topic(
        tags=_TAGS,
        who=bits("""this officer|the man on the left|the one with the rifle|a gendarme from [place]
            |he who gave the order|somebody in that uniform|the face they hide|Paris
            |the ministry|that sniper|whoever stands behind the shield|the smiling one"""),
        does=bits("""has [what] on his hands|must answer for [what]|still laughs about [what]
            |was decorated after [what]|won't be asked about [what]|calls [what] an incident
            |went home after [what]|keeps silent on [what]|owes his island [what]
            |is paid for [what]|thought nobody saw [what]|signs the report on [what]"""),
        what=bits("""a boy's life|the blood of Nouméa|a murder at noon|the shot of Wednesday
            |the death of a nineteen-year-old|a whole people's grief|the barricade of [place]
            |one bullet too many|a funeral in [place]|two faces in one picture
            |what the cameras show|the crime of this week"""),
    ),
    fr.TONGUE: Topic(
        tags=_TAGS,
        who=bits("""cet officier|l'homme à gauche|celui au fusil|un gendarme de [place]
            |celui qui a donné l'ordre|quelqu'un sous cet uniforme|le visage qu'on cache|Paris
            |le ministère|ce tireur|la brute au bouclier|celui qui sourit"""),
        does=bits("""a [what] sur la conscience|doit répondre de [what]|rit encore de [what]
            |a été décoré après [what]|ne dira rien sur [what]|appelle incident [what]
            |est rentré chez lui après [what]|se tait sur [what]|doit à son île [what]
            |est payé pour [what]|croyait que nul n'avait vu [what]|classe sans suite [what]"""),
        what=bits("""la vie d'un gamin|le sang de Nouméa|un meurtre en plein midi|le tir de mercredi
            |la mort d'un jeune de dix-neuf ans|le deuil de tout un peuple|le barrage de [place]
            |une balle de trop|un enterrement à [place]|deux visages sur une même image
            |ce que montrent les caméras|le crime de la semaine"""),
    ),
}
_ON_EVERY_LIP = "Noumea"
"""Hashtag of the topic on which ordinary people speak of the same days: the campaign does so too."""


def generate(seed: int) -> list[Post]:
    """The posts of the scenario, in order of time."""
    dice = Dice(seed)
    ledger = Ledger(dice, WINDOW.end_ms)
    handles = Handles(dice)
    background.fill(dice, ledger, handles, WINDOW, _N_CHATTER)
    voices = {tongue.code: _agitator(dice, tongue, topic) for tongue, topic in _TOPICS.items()}
    for n in workload(dice, N_ACCOUNTS, N_POSTS):
        created_ms = START_MS - dice.between(3, 600) * _DAY_MS
        account = handles.account("x", dice.pick(("az", "en", "fr", "tr")), created_ms, dice.below(150))
        for _ in range(n):
            version = "fr" if dice.hit(0.5) else "en"
            message = voices[version].post()
            message.image, message.phash = True, _nearly_the_montage(dice)
            ledger.add(account, _moment(dice), message, "campaign", version=version)
    return ledger.in_order()


def _agitator(dice: Dice, tongue: Tongue, topic: Topic) -> Speaker:
    news = tuple(topic for topic in tongue.topics if _ON_EVERY_LIP in topic.tags)
    return Speaker(dice, replace(tongue, topics=(topic, *news)))


def _moment(dice: Dice) -> int:
    """Most within the evening, the rest over the next day."""
    while True:
        at = START_MS + round((dice.exponential(2.0) + dice.exponential(2.0)) * _HOUR_MS)
        if at < WINDOW.end_ms:
            return at


def _nearly_the_montage(dice: Dice) -> str:
    phash = MONTAGE_PHASH
    for _ in range(dice.below(MAX_FLIPPED_BITS + 1)):
        phash ^= 1 << dice.below(64)
    return f"{phash:016x}"
