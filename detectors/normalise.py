"""Normalisation: what makes two copies of a post one text.

Each step serves one disguise, and does to every text the same, whatever its language. In order:

1. **Each code point is mapped alone** (`normalise_tables.mapped`, at most 8 out of one):
   NFKD, casefold, NFKD; look-alikes become the Latin letter they imitate; apostrophes,
   zero-width, bidi, control and format characters, variation selectors, enclosing marks,
   soft hyphens, tatweels, and the points that Arabic and Hebrew may leave out vanish without a
   trace. Digits become the letters they stand for in leet ("v0t3"), in every text alike, so
   that a number stays as telling as it was.
2. **Links and mentions become a space.** A link is `http://`, `https://`, or `www.` not
   preceded by [a-z0-9]; it ends at white space, or at a letter outside ASCII, for Chinese,
   Japanese and Thai put no space after a link. A mention is `@` and [a-z0-9_.-]+, once more
   for the Fediverse (`@user@domain`), not preceded by [a-z0-9], so an e-mail address is none.
   A retweet's `rt @user` goes whole. The words of hashtags stay.
3. **Combining marks** go from numbers and Latin, Greek and Cyrillic letters. Elsewhere
   (Devanagari, Thai, kana) they carry meaning and stay, at most 4 on a base.
4. **All else that is no letter, mark or number** (punctuation, symbols, emoji) becomes a
   space; spaces collapse to one and are stripped.
5. **Repeats are squeezed**: more than two of one code point become two ("soooo", "1000").

The result is stable: normalising it again changes nothing. It isn't for display: Hangul
stays decomposed, and Russian words come out partly Latin.

When it fails: look-alikes outside the table remain; so do letters spelt out ("v o t e"), but
`detectors.sketch` leaves the spaces out. Marks aren't reordered, so two marks typed in another
order stay different.

The output has at most 8 code points (32 bytes) for each of input; callers bound the input.
Python's Unicode version decides about newly assigned characters; `normaliser_digest` tells
such results apart.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.jit import frozen
from detectors.normalise_kernel import MAX_MARKS, normalise_spans
from detectors.normalise_tables import Kind, kind, mapped, tables

NORMALISER_VERSION: Final = 3
"""Raised by every change of the rules; the tables are covered by `normaliser_digest`."""

_HANDLE: Final = r"@[a-z0-9_.-]+"
_LINK_OR_MENTION: Final = re.compile(
    rf"(?:https?://|(?<![a-z0-9])www\.)(?:[!-~]|[^\w\s])*|(?<![a-z0-9])(?:rt\s*)?{_HANDLE}(?:{_HANDLE})?"
)
_REPEATS: Final = re.compile(r"(.)\1{2,}")


def normalise(text: str) -> str:
    """Normalise one text, readably: the specification that `normalise_batch` is held to."""
    points = "".join(map(mapped, text))
    without_links = _LINK_OR_MENTION.sub(" ", points)
    words = "".join(c if kind(c) > Kind.WHITE else " " for c in _without_marks(without_links))
    return _REPEATS.sub(r"\1\1", " ".join(words.split()))


def _without_marks(text: str) -> str:
    kept = []
    room = 0
    for char in text:
        if kind(char) is not Kind.MARK:
            room = MAX_MARKS if kind(char) is Kind.BASE else 0
        elif room:
            room -= 1
        else:
            continue
        kept.append(char)
    return "".join(kept)


def normalise_batch(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Normalise many texts at once, about 1 µs each.

    Args:
        texts: any strings, lone surrogates included.

    Returns:
        As `normalise_utf8`.
    """
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    sizes = np.fromiter(map(len, encoded), np.int64, len(texts))
    ends = np.cumsum(sizes)
    return normalise_utf8(np.frombuffer(b"".join(encoded), np.uint8), np.column_stack((ends - sizes, ends)))


def normalise_utf8(
    texts: npt.NDArray[np.uint8], spans: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Normalise texts that are UTF-8 already.

    Args:
        texts: uint8; lone surrogates are taken as code points.
        spans: int64 (n, 2), where each text begins and ends in `texts`.

    Returns:
        The results as UTF-8, uint8, and their offsets, int64 (n + 1,): result i is
        `blob[offsets[i]:offsets[i + 1]]`.
    """
    return normalise_spans(frozen(texts, np.uint8), frozen(spans, np.int64), *tables())


def normaliser_digest() -> bytes:
    """8 bytes that differ when rules or tables (so, Python's Unicode data) differ."""
    digest = hashlib.blake2b(NORMALISER_VERSION.to_bytes(4, "little"), digest_size=8)
    for table in tables():
        digest.update(table.astype("<u4").tobytes())
    return digest.digest()
