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


def _invented(chance: random.Random) -> str:
    return "".join(chance.choices(string.ascii_lowercase, k=chance.randint(3, 9)))


def _words_shuffled(chance: random.Random, text: str) -> str:
    words = text.split()
    chance.shuffle(words)
    return " ".join(words)


def _without_vowels(chance: random.Random, text: str) -> str:
    """Most of them, as in text messages."""
    return "".join(c for c in text if c not in "aeiouéèêàô" or chance.random() < 0.15)


def _mistyped(chance: random.Random, text: str) -> str:
    """One letter of every word is another."""
    words = []
    for word in text.split():
        at = chance.randrange(len(word))
        words.append(word[:at] + chance.choice(string.ascii_lowercase) + word[at + 1 :])
    return " ".join(words)


def _half_replaced(chance: random.Random, text: str) -> str:
    """Every second word, about, is an invented one: what synonyms do to letters."""
    words = (word if chance.random() < 0.5 else _invented(chance) for word in text.split())
    return " ".join(words)


def _buried(chance: random.Random, text: str) -> str:
    """Within three times as much of other text."""
    noise = [_invented(chance) for _ in range(len(text) // 2)]
    at = chance.randrange(len(noise))
    return " ".join([*noise[:at], text, *noise[at:]])


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
HARDER: Final[dict[str, Disguise]] = {
    "cut_to_a_quarter": _cut_short,
    "emoji_in_words": _strewn(_EMOJI, 0.25),
    "words_shuffled": _words_shuffled,
    "without_vowels": _without_vowels,
    "mistyped": _mistyped,
    "half_replaced": _half_replaced,
    "buried": _buried,
}
"""Beyond what is asked for: measured and shown without a reach."""
STACKED: Final = {"stacked_2": 2, "stacked_3": 3, "stacked_5": 5}
"""So many tricks of `ALONE` at once, drawn anew for each copy."""


def disguised(name: str, chance: random.Random, text: str) -> tuple[str, list[str]]:
    """A copy in a disguise of `ALONE`, `HARDER` or `STACKED`; and the tricks of it, in order."""
    tricks = {**ALONE, **HARDER}
    names = chance.sample([*ALONE], STACKED[name]) if name in STACKED else [name]
    for trick in names:
        text = tricks[trick](chance, text)
    return text, names
