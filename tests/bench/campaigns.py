"""A feed at its own pace: posts of random words, through which small campaigns run."""

import random
from collections.abc import Callable, Iterator
from itertools import islice

import orjson

from tests.bench.rows import scenario

WARM_UP_S = 8
EVERY_S = 0.4
COPIES = 30
COPIES_PER_S = 10
HISTORY_S = 2_400
HISTORY_POSTS = 2_000


class Campaigns:
    """Posts of random words of the scenario's chatter; every `EVERY_S` another campaign begins.

    Args:
        rate: Posts a second.
        clock: Says when the next post is made, epoch seconds.
    """

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self.n_campaigns = 0
        self._rate, self._clock = rate, clock
        self._rng = random.Random(11)
        organic = (post for post in scenario()[0] if post["scenario"]["actor"] == "chatter")
        self._words = sorted({word for post in organic for word in post["text"].split() if word.isalpha()})
        self._running: list[tuple[str, int]] = []
        """(text, copies left) of each."""
        self._next_campaign = clock() + WARM_UP_S / 2
        self._n = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        now, rng = self._clock(), self._rng
        if now > self._next_campaign:
            self._next_campaign += EVERY_S
            self._running.append((" ".join(rng.choices(self._words, k=18)), COPIES))
            self.n_campaigns += 1
        if self._running and rng.random() < len(self._running) * COPIES_PER_S / self._rate:
            text = self._copy()
            author = {"id": f"bot-{rng.randrange(10_000)}", "created_at": int((now - 86_400) * 1000)}
        else:
            text = " ".join(rng.choices(self._words, k=rng.randint(6, 24)))
            author = {"id": f"person-{rng.randrange(200_000)}"}
        self._n += 1
        moment = int(now * 1000)
        post = {"id": str(self._n), "platform": "x", "author": author, "text": text}
        return orjson.dumps(post | {"created_at": moment, "observed_at": moment})

    def _copy(self) -> str:
        """One copy less of any campaign that runs."""
        which = self._rng.randrange(len(self._running))
        text, left = self._running[which]
        self._running[which] = (text, left - 1)
        if left == 1:
            del self._running[which]
        return text


def history(rate: int, clock: Callable[[], float]) -> Iterator[bytes]:
    """`HISTORY_POSTS` posts of the `HISTORY_S` before: in a cold feed nothing is new."""
    for n, value in enumerate(islice(Campaigns(rate, clock), HISTORY_POSTS)):
        post = orjson.loads(value)
        post["created_at"] -= (HISTORY_POSTS - n) * HISTORY_S * 1000 // HISTORY_POSTS
        yield orjson.dumps(post | {"id": f"old-{n}", "observed_at": post["created_at"]})
