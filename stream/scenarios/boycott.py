"""S3, the boycott: a slow campaign of few accounts, 26 and 27 July 2023.

VIGINUM's note of November 2023, which EFE and others reported on the 13th and 14th: a year before
the Olympic Games of Paris, 91 accounts, 40 of them created that month, posted some 1,600 times in
two days, in two stages, pictures and hashtags that called for a boycott.

From those sources: the days, the counts, that there were two stages. Made up by us: the wording,
every account, the hours, and what the stages are: on the 26th the older accounts put the texts
out by hand, some 300 posts; on the 27th all of them repeat these, some 1,300.
"""

from stream.scenarios import background
from stream.scenarios.apps import Window
from stream.scenarios.copies import Copyist
from stream.scenarios.dice import Dice
from stream.scenarios.people import Handles, workload
from stream.scenarios.posts import Account, Ledger, Post, at_ms
from stream.scenarios.tongues.grammar import bits

WINDOW = Window(at_ms("2023-07-26T00:00:00Z"), at_ms("2023-07-28T00:00:00Z"))
FIRST_STAGE = Window(at_ms("2023-07-26T09:00:00Z"), at_ms("2023-07-26T21:00:00Z"))
SECOND_STAGE = Window(at_ms("2023-07-27T07:00:00Z"), at_ms("2023-07-27T22:00:00Z"))
N_ACCOUNTS = 91
N_NEW_ACCOUNTS = 40
"""Created in July 2023."""
N_FIRST_POSTS = 300
N_SECOND_POSTS = 1_300
HASHTAGS = bits("BoycottParis2024|Paris2024|StopFrenchViolence|ParisBurns|NoGamesInParis")
CORES = {
    "en": (
        "Look at the streets of Paris: cars on fire, tear gas, police against the young. A city that "
        "cannot protect its own people cannot host the Games. Athletes, stay at home!"
    ),
    "fr": (
        "Regardez les rues de Paris : voitures en feu, gaz lacrymogènes, la police contre la jeunesse. "
        "Une ville qui ne protège pas les siens ne peut accueillir les Jeux. Athlètes, restez chez vous !"
    ),
}
_N_CHATTER = 45_000
_DAY_MS = 86_400_000
_JULY_MS = at_ms("2023-07-01T00:00:00Z")


def generate(seed: int) -> list[Post]:
    """The posts of the scenario, in order of time."""
    dice = Dice(seed)
    ledger = Ledger(dice, WINDOW.end_ms)
    handles = Handles(dice)
    background.fill(dice, ledger, handles, WINDOW, _N_CHATTER)
    copyist = Copyist(dice, CORES, HASHTAGS)
    older = [_account(dice, handles, _JULY_MS - dice.between(40, 3000) * _DAY_MS) for _ in range(51)]
    newer = [_account(dice, handles, _JULY_MS + dice.below(24 * _DAY_MS)) for _ in range(N_NEW_ACCOUNTS)]
    for window, accounts, n_posts in (
        (FIRST_STAGE, older, N_FIRST_POSTS),
        (SECOND_STAGE, older + newer, N_SECOND_POSTS),
    ):
        for account, n in zip(accounts, workload(dice, len(accounts), n_posts), strict=True):
            for at in window.times(dice, n):
                version = dice.pick(tuple(CORES))
                ledger.add(account, at, copyist.copy(version), "campaign", version=version)
    return ledger.in_order()


def _account(dice: Dice, handles: Handles, created_ms: int) -> Account:
    return handles.account("x", dice.pick(("az", "en", "fr")), created_ms, dice.below(300))
