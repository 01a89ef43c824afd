"""Tricks that make copies of a post look different, one function each: (chance, text) → text.

They are what campaigns do to get past exact matching and simple filters; texts are made up.
"""

import random
import re
import string
from collections.abc import Callable
from typing import Final

Disguise = Callable[[random.Random, str], str]

_CYRILLIC = dict(zip("aeopcyxijsABEKMHOPCTXaeopcyx", "аеорсухіјѕАВЕКМНОРСТХаеорсух", strict=True))
_GREEK = dict(zip("aovxinkptuABEZHIKMNOPTYX", "αονχινκρτυΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", strict=True))
_FULLWIDTH = {c: chr(ord(c) + 0xFEE0) for c in string.ascii_letters + string.digits}
_MATHEMATICAL = {
    **{c: chr(0x1D41A + i) for i, c in enumerate(string.ascii_lowercase)},
    **{c: chr(0x1D400 + i) for i, c in enumerate(string.ascii_uppercase)},
}
_LEET = dict(zip("oileastbOILEASTB", "0113457801134578", strict=True))
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
_BIDI = "\u202a\u202c\u202d\u2066\u2069\u200e\u200f"
_MARKS = [chr(c) for c in range(0x300, 0x31A)]
_EMOJI = ["🔥", "😡", "🇫🇷", "✊🏽", "❗️", "👩‍🚒", "💥", "🙏"]
_COMMENTS = (
    "Just look at this, everyone",
    "I have been saying it for weeks",
    "unbelievable, read it to the end",
    "so this is what they call news now",
    "mon voisin me l'a envoyé, je vous le passe",
    "no words",
)
_LINK = re.compile(r"https?://\S+")
_MENTION = re.compile(r"@\w+")
_HASHTAG = re.compile(r"#\w+")


def _swapped(table: dict[str, str], share: float) -> Disguise:
    def disguise(chance: random.Random, text: str) -> str:
        return "".join(table.get(c, c) if chance.random() < share else c for c in text)

    return disguise


def _strewn(signs: list[str] | str, share: float) -> Disguise:
    def disguise(chance: random.Random, text: str) -> str:
        return "".join(c + chance.choice(signs) if chance.random() < share else c for c in text)

    return disguise


def _marked(chance: random.Random, text: str) -> str:
    return "".join(c + chance.choice(_MARKS) if c.isalpha() and chance.random() < 0.5 else c for c in text)


def _spaced(chance: random.Random, text: str) -> str:
    """Half of the longer words spelt out, with a space, a dot or an emoji between the letters."""
    words = []
    for word in text.split():
        if len(word) > 3 and word.isalpha() and chance.random() < 0.5:
            words.append(" " + chance.choice([" ", ".", "-", "·"]).join(word) + " ")
        else:
            words.append(word)
    return " ".join(words)


def _spelt_out(chance: random.Random, text: str) -> str:
    """Every word, two spaces between words."""
    return chance.choice(["  ", " | ", "\n"]).join(" ".join(word) for word in text.split())


def _with_emoji(chance: random.Random, text: str) -> str:
    words = [
        w + " " + chance.choice(_EMOJI) * chance.randint(1, 3) if chance.random() < 0.4 else w
        for w in text.split()
    ]
    return " ".join(words)


def _shuffled_hashtags(chance: random.Random, text: str) -> str:
    tags = _HASHTAG.findall(text)
    bare = " ".join(_HASHTAG.sub("", text).split())
    chance.shuffle(tags)
    return " ".join([bare, *tags]) if chance.random() < 0.5 else " ".join([*tags, bare])


def _padded(chance: random.Random, text: str) -> str:
    def ident() -> str:
        return "".join(chance.choices(string.ascii_lowercase + string.digits, k=chance.randint(6, 14)))

    return f"{ident()} {text} [{ident()}] {chance.randint(1, 99999)}"


def _sentences_swapped(chance: random.Random, text: str) -> str:
    parts = re.split(r"(?<=[.!?]) ", text)
    chance.shuffle(parts)
    return " ".join(parts)


def _addressed(chance: random.Random, text: str) -> str:
    bare = _MENTION.sub("", _LINK.sub("", text))
    names = " ".join(
        "@" + "".join(chance.choices(string.ascii_lowercase, k=9)) for _ in range(chance.randint(0, 5))
    )
    link = (
        "https://" + "".join(chance.choices(string.ascii_lowercase, k=7)) + ".example/" + str(chance.random())
    )
    return f"{names} {bare} {link}"


def _truncated(chance: random.Random, text: str) -> str:
    return text[: round(len(text) * chance.uniform(0.5, 1))] + "…"


def _cut_short(chance: random.Random, text: str) -> str:
    return text[: round(len(text) * chance.uniform(0.25, 0.5))] + "…"


def _quoted(chance: random.Random, text: str) -> str:
    return f"{chance.choice(_COMMENTS)}: « {text} »"


ALONE: Final[dict[str, Disguise]] = {
    "cyrillic": _swapped(_CYRILLIC, 0.7),
    "greek": _swapped(_GREEK, 0.7),
    "fullwidth": _swapped(_FULLWIDTH, 0.7),
    "mathematical": _swapped(_MATHEMATICAL, 0.7),
    "zero_width": _strewn(_INVISIBLE, 0.4),
    "bidi": _strewn(_BIDI, 0.3),
    "combining_marks": _marked,
    "leet": _swapped(_LEET, 0.6),
    "spaced_letters": _spaced,
    "spelt_out": _spelt_out,
    "emoji": _with_emoji,
    "hashtags_shuffled": _shuffled_hashtags,
    "padding": _padded,
    "sentences_swapped": _sentences_swapped,
    "mentions_links": _addressed,
    "truncated": _truncated,
    "quoted": _quoted,
}
HARDER: Final[dict[str, Disguise]] = {"cut_to_a_quarter": _cut_short, "emoji_in_words": _strewn(_EMOJI, 0.25)}
"""What still escapes: measured and shown without a reach."""


def stacked(n: int) -> Disguise:
    """`n` tricks of `ALONE` at once, drawn anew for each copy."""

    def disguise(chance: random.Random, text: str) -> str:
        for name in chance.sample([*ALONE], n):
            text = ALONE[name](chance, text)
        return text

    return disguise
