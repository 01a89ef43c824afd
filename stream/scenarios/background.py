"""The background of a scenario: a day's feed with everything in it that should not ring."""

from stream.scenarios.apps import Apps, Window
from stream.scenarios.chatter import Chatter
from stream.scenarios.dice import Dice
from stream.scenarios.headlines import Newsroom
from stream.scenarios.people import Crowd, Handles
from stream.scenarios.posts import Ledger
from stream.scenarios.speech import speakers
from stream.scenarios.tongues import TONGUES

N_ACCOUNTS = 24_000


def fill(dice: Dice, ledger: Ledger, handles: Handles, window: Window, n_chatter: int) -> None:
    """Add the background to a ledger.

    Args:
        dice: seeded chance.
        ledger: where posts go.
        handles: where account names come from.
        window: when; chatter, bots and headlines run through all of it.
        n_chatter: posts of people (talk, replies, reposts, greetings); templates and
            headlines come on top of it.
    """
    voices = speakers(dice)
    shares = [(tongue.code, tongue.share) for tongue in TONGUES]
    crowd = Crowd(dice, handles, shares, N_ACCOUNTS, window.start_ms, window.end_ms)
    Chatter(dice, ledger, crowd, voices).tell(window.times(dice, n_chatter))
    Apps(dice, ledger, crowd, handles, window).run()
    Newsroom(dice, ledger, crowd, voices, window).publish()
