"""The accounts of the background: who writes which language where, how often, since when."""

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate

from stream.scenarios.dice import Dice
from stream.scenarios.posts import Account
from stream.scenarios.tongues.grammar import bits

_PLATFORMS = (("x", 0.58), ("bluesky", 0.15), ("mastodon", 0.12), ("facebook", 0.09), ("telegram", 0.06))
_SYLLABLES = bits("""ba|be|bi|bo|da|de|di|do|fa|fi|ga|go|ha|hi|jo|ka|ke|ki|ko|la|le|li|lo|lu|ma|me|mi|mo|mu|na
    |ne|ni|no|nu|pa|pe|pi|po|ra|re|ri|ro|ru|sa|se|si|so|su|ta|te|ti|to|tu|va|vi|wa|we|xi|ya|yo|yu|za|ze|zo""")
_DAY_MS = 86_400_000


class Handles:
    """Makes up account names and numbers, never the same twice."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._made = 0

    def account(self, platform: str, lang: str, created_ms: int | None, followers: int) -> Account:
        """A new account."""
        dice = self._dice
        self._made += 1
        stem = "".join(dice.pick(_SYLLABLES) for _ in range(dice.between(2, 5)))
        return Account(
            platform=platform,
            id=str(self._made * 1_000_003 + dice.below(1_000_000)),
            handle=f"{stem}{'_' if dice.hit(0.3) else ''}{self._made}",
            lang=lang,
            created_ms=created_ms,
            followers=followers,
        )


class Crowd:
    """Ordinary accounts, grouped by language.

    Activity is heavy-tailed: the k-th account of a language posts in proportion to
    ``1 / (k + 20) ** 0.8``. Three in a hundred are younger than 30 days; for one in twelve
    the feed does not tell the age.

    Args:
        dice: seeded chance.
        handles: where names come from.
        shares: (language, relative number of accounts).
        n_accounts: accounts in all.
        start_ms: the beginning of the scenario; every account is from an earlier day.
        now_ms: its end, from which ages are counted.
    """

    def __init__(
        self,
        dice: Dice,
        handles: Handles,
        shares: Sequence[tuple[str, float]],
        n_accounts: int,
        start_ms: int,
        now_ms: int,
    ) -> None:
        self._dice = dice
        self._handles = handles
        self._newest_ms = start_ms - start_ms % _DAY_MS
        self._langs = [lang for lang, _ in shares]
        self._lang_bounds = list(accumulate(share for _, share in shares))
        self._by_lang: dict[str, list[Account]] = {}
        self._activity: dict[str, list[float]] = {}
        whole = self._lang_bounds[-1]
        for lang, share in shares:
            n = max(1, round(n_accounts * share / whole))
            self._by_lang[lang] = [self.stranger(lang, now_ms) for _ in range(n)]
            self._activity[lang] = list(accumulate((k + 20) ** -0.8 for k in range(n)))
        self._old_before_ms = now_ms - 365 * _DAY_MS

    def stranger(self, lang: str, now_ms: int) -> Account:
        """A new ordinary account that is not part of the crowd."""
        dice = self._dice
        mark, platform = dice.unit(), _PLATFORMS[-1][0]
        for name, share in _PLATFORMS:
            mark -= share
            if mark < 0:
                platform = name
                break
        young = dice.hit(0.03)
        age_ms = dice.between(1, 30 * _DAY_MS) if young else dice.between(30 * _DAY_MS, 5400 * _DAY_MS)
        followers = min(int(40 / (1.0 - dice.unit()) ** 0.9), 9_000_000)
        created_ms = None if dice.hit(1 / 12) else min(now_ms - age_ms, self._newest_ms)
        return self._handles.account(platform, lang, created_ms, followers)

    def language(self) -> str:
        """A language, by its share."""
        bounds = self._lang_bounds
        return self._langs[bisect(bounds, self._dice.unit() * bounds[-1])]

    def someone(self, lang: str) -> Account:
        """An account of that language, busy ones more often."""
        bounds = self._activity[lang]
        return self._by_lang[lang][bisect(bounds, self._dice.unit() * bounds[-1])]

    def different(self, lang: str, n: int) -> list[Account]:
        """`n` different accounts of that language, none known to be under a year old."""
        settled = [
            a for a in self._by_lang[lang] if a.created_ms is None or a.created_ms < self._old_before_ms
        ]
        return self._dice.sample(settled, n)


def workload(dice: Dice, n_accounts: int, n_posts: int) -> list[int]:
    """Posts per account: at least one, a few many, `n_posts` in all."""
    zeal = [dice.exponential(1.0) for _ in range(n_accounts)]
    scale = (n_posts - n_accounts) / sum(zeal)
    loads = [1 + int(z * scale) for z in zeal]
    for at in dice.sample(range(n_accounts), n_posts - sum(loads)):
        loads[at] += 1
    return loads
