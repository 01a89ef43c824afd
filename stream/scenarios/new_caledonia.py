"""S1, New Caledonia: the campaign of 15 May 2024, rebuilt from its published figures.

VIGINUM, the French state's service against foreign digital interference, described it in a
technical note of May 2024; Le Monde, AFP and France 24 reported on it on 16 and 17 May 2024:
Azerbaijani actors (the "Olympiya" network among them) spread manifestly inaccurate or
misleading content that accused the French police of killing demonstrators in New Caledonia.
From 12:21 Paris time, 1,686 accounts on X posted 5,187 times and reposted 179 times; on
Facebook 80 accounts posted 145 times; in a French and an English version.

From those sources: the start, the counts, the platforms, the languages, the hashtags, and
that accounts were recent and posted in bursts. Made up by us: the wording, every account,
the curve (a few dozen posts in the first minutes, a peak after a quarter of an hour, nine in
ten posts within an hour and a half) and the background of some ten posts to each of the
campaign's. Nothing in it was ever posted by anyone.
"""

from stream.scenarios import background
from stream.scenarios.apps import Window
from stream.scenarios.copies import Copyist
from stream.scenarios.dice import Dice
from stream.scenarios.people import Handles, workload
from stream.scenarios.posts import Account, Ledger, Message, Post, at_ms

START_MS = at_ms("2024-05-15T10:21:00Z")
WINDOW = Window(at_ms("2024-05-15T09:20:00Z"), at_ms("2024-05-15T14:20:00Z"))

N_X_ACCOUNTS = 1_686
N_X_ORIGINALS = 5_187
N_X_REPOSTS = 179
N_FACEBOOK_ACCOUNTS = 80
N_FACEBOOK_POSTS = 145
_N_CHATTER = 48_500
_LAST_START_MIN = 110.0
_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
# Days before the campaign on which its accounts were registered in bulk.
_BATCHES = (4, 8, 13, 19, 26)


def generate(seed: int) -> list[Post]:
    """The posts of the scenario, in order of time."""
    dice = Dice(seed)
    ledger = Ledger(dice, WINDOW.end_ms)
    handles = Handles(dice)
    background.fill(dice, ledger, handles, WINDOW, _N_CHATTER)
    campaign = _Campaign(dice, ledger, handles)
    campaign.on_x()
    campaign.on_facebook()
    return ledger.in_order()


class _Campaign:
    """The coordinated accounts and what they post."""

    def __init__(self, dice: Dice, ledger: Ledger, handles: Handles) -> None:
        self._dice = dice
        self._ledger = ledger
        self._handles = handles
        self._copyist = Copyist(dice)

    def on_x(self) -> None:
        """The posts on X, then the reposts of some of them."""
        accounts = [self._account("x") for _ in range(N_X_ACCOUNTS)]
        posts = self._burst(accounts, N_X_ORIGINALS)
        for original in self._dice.sample(posts, N_X_REPOSTS):
            reposter = self._dice.pick(accounts)
            while reposter.id == original["author"]["id"]:
                reposter = self._dice.pick(accounts)
            wait_ms = 5_000 + round(self._dice.exponential(6.0) * _MINUTE_MS)
            text = f"RT @{original['author']['handle']}: {original['text']}"
            self._ledger.add(
                reposter,
                at_ms(original["created_at"]) + min(wait_ms, 30 * _MINUTE_MS),
                Message(text=text, refs={"repost_of": original["id"]}),
                "campaign",
                version=original["lang"],
            )

    def on_facebook(self) -> None:
        """The longer posts on Facebook."""
        self._burst([self._account("facebook") for _ in range(N_FACEBOOK_ACCOUNTS)], N_FACEBOOK_POSTS)

    def _account(self, platform: str) -> Account:
        dice = self._dice
        recent = dice.hit(0.72)
        days = dice.pick(_BATCHES) + dice.unit() * 0.4 if recent else 60 + 3500 * dice.unit()
        created_ms = None if dice.hit(0.04) else START_MS - round(days * _DAY_MS)
        return self._handles.account(
            platform, dice.pick(("az", "en", "fr", "tr")), created_ms, dice.below(120)
        )

    def _burst(self, accounts: list[Account], n_posts: int) -> list[Post]:
        """Every account posts at least once; together they post `n_posts` times."""
        posts: list[Post] = []
        for account, n in zip(accounts, workload(self._dice, len(accounts), n_posts), strict=True):
            habit = self._dice.unit()
            at_min = self._first_min()
            for _ in range(n):
                version = self._version(habit)
                created_ms = START_MS + round(at_min * _MINUTE_MS)
                message = self._copyist.copy(version, long=account.platform == "facebook")
                post = self._ledger.add(account, created_ms, message, "campaign", version=version)
                if post is not None:
                    posts.append(post)
                at_min += 0.15 + self._dice.exponential(4.0)
        return posts

    def _first_min(self) -> float:
        """Minutes from the start to an account's first post: a vanguard, the mass, latecomers."""
        dice = self._dice
        role = dice.unit()
        while True:
            if role < 0.22:
                wait = dice.exponential(8.0)
            elif role < 0.94:
                wait = dice.exponential(19.0) + dice.exponential(19.0)
            else:
                wait = dice.exponential(70.0)
            if wait < _LAST_START_MIN:
                return wait

    def _version(self, habit: float) -> str:
        """A language version; a quarter of the accounts keep to one of them, the others post both."""
        english = 0.55
        if habit < 0.14:
            english = 1.0
        elif habit < 0.25:
            english = 0.0
        return "en" if self._dice.hit(english) else "fr"
