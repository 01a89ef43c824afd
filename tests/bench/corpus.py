"""Texts to measure on: unique posts in fourteen languages, and near-copies of one message."""

from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate, islice

from stream.scenarios.copies import Copyist
from stream.scenarios.dice import Dice
from stream.scenarios.speech import speakers

SEED = 5


def unique_posts(n: int) -> list[str]:
    """`n` different posts, languages by their share, 100 characters long on average."""
    return list(islice(_unique(), n))


def _unique() -> Iterator[str]:
    dice = Dice(SEED)
    voices = list(speakers(dice).values())
    bounds = list(accumulate(voice.tongue.share for voice in voices))
    seen: set[int] = set()
    while True:
        text = voices[bisect(bounds, dice.unit() * bounds[-1])].post().text
        if hash(text) not in seen:
            seen.add(hash(text))
            yield text


def near_copies(n: int) -> list[str]:
    """`n` copies of one message of some 200 characters: typos, hashtags, mentions, emoji, links."""
    copyist = Copyist(Dice(SEED))
    return [copyist.copy("en", long=False).text for _ in range(n)]
