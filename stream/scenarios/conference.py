"""S4, the conference: July 2023, most of a thousand accounts echo one event for a day.

From VIGINUM's reports on the campaigns that accompanied the Baku Initiative Group: around its
founding conference in July 2023, 895 accounts posted some 7,000 times within a day, 1,000 of them
inside ten minutes. Made up by us: the hours, that the ten minutes are the first, the wording,
every account and its age, and that the texts are three statements in two languages each.
"""

from stream.scenarios import background
from stream.scenarios.apps import Window
from stream.scenarios.copies import Copyist
from stream.scenarios.dice import Dice
from stream.scenarios.people import Handles, workload
from stream.scenarios.posts import Ledger, Post, at_ms
from stream.scenarios.tongues.grammar import bits

WINDOW = Window(at_ms("2023-07-06T00:00:00Z"), at_ms("2023-07-07T00:00:00Z"))
SURGE = Window(at_ms("2023-07-06T08:00:00Z"), at_ms("2023-07-06T08:10:00Z"))
AFTER = Window(SURGE.end_ms, at_ms("2023-07-06T23:00:00Z"))
N_ACCOUNTS = 895
N_POSTS = 7_000
N_SURGE_POSTS = 1_000
HASHTAGS = bits("EndColonialism|BakuConference|FrenchColonialism|Decolonization|StopNeocolonialism")
CORES = {
    "en-1": (
        "Delegates in Baku today demand the complete elimination of colonialism: the islands that France "
        "still rules from Paris have waited long enough for the right to choose."
    ),
    "fr-1": (
        "Réunis à Bakou, les délégués exigent la fin complète du colonialisme : les îles que la France "
        "gouverne encore depuis Paris attendent depuis trop longtemps le droit de choisir."
    ),
    "en-2": (
        "From the Pacific to the Caribbean the same story is told on this stage: land taken, languages "
        "silenced, children taught a history that is not theirs. It ends with us."
    ),
    "fr-2": (
        "Du Pacifique aux Caraïbes, la même histoire à cette tribune : des terres prises, des langues "
        "tues, des enfants à qui l'on apprend une histoire qui n'est pas la leur. Cela finit avec nous."
    ),
    "en-3": (
        "Nuclear tests poisoned our atolls and nobody was ever judged. A conference finally listens to "
        "the victims while the guilty state lectures everyone on human rights."
    ),
    "fr-3": (
        "Les essais nucléaires ont empoisonné nos atolls et personne n'a jamais été jugé. Une conférence "
        "écoute enfin les victimes pendant que l'État coupable fait la leçon au monde entier."
    ),
}
_N_CHATTER = 45_000
_DAY_MS = 86_400_000


def generate(seed: int) -> list[Post]:
    """The posts of the scenario, in order of time."""
    dice = Dice(seed)
    ledger = Ledger(dice, WINDOW.end_ms)
    handles = Handles(dice)
    background.fill(dice, ledger, handles, WINDOW, _N_CHATTER)
    copyist = Copyist(dice, CORES, HASHTAGS)
    moments = SURGE.times(dice, N_SURGE_POSTS) + AFTER.times(dice, N_POSTS - N_SURGE_POSTS)
    dice.shuffle(moments)
    for n in workload(dice, N_ACCOUNTS, N_POSTS):
        created_ms = WINDOW.start_ms - round((5 + dice.exponential(200.0)) * _DAY_MS)
        account = handles.account("x", dice.pick(("az", "en", "fr", "tr")), created_ms, dice.below(200))
        for _ in range(n):
            version = dice.pick(tuple(CORES))
            ledger.add(account, moments.pop(), copyist.copy(version), "campaign", version=version)
    return ledger.in_order()
