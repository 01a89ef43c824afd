"""What normalisation does to one code point, and the table of it for all code points.

`mapped` and `kind` are the readable definition, straight from Python's Unicode data;
`tables` evaluates them over all of Unicode, once a process, for the kernel.
"""

import functools
import unicodedata
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

MAX_MAPPED: Final = 8
"""Code points that one code point may become; U+FDFA, alone, has more (18) and is cut."""

KIND_SHIFT: Final = 29
TRIGGER: Final = 1 << 21
CODE_POINT: Final = TRIGGER - 1
MULTIPLE: Final = 7
"""In place of a kind: the entry holds offset (16 bits) and length of a run in the pool."""

_LENGTH_SHIFT: Final = 16
_TRIGGERS: Final = frozenset("hwr@")
_PLANES_WITH_LETTERS: Final = 0x40000  # beyond lie tags, variation selectors and private use
_TAGS: Final = range(0xE0000, 0xE1000)
_PAGE: Final = 256
_FIRST_IDEOGRAPH: Final = "\u3400"

# Blocks of Latin, Greek, Cyrillic and phonetic letters: first, one past the last.
_BARE_BLOCKS: Final = (
    *((0x0000, 0x0300), (0x0370, 0x0530), (0x1C80, 0x1C90), (0x1D00, 0x1DC0), (0x1E00, 0x2000)),
    *((0x2C60, 0x2C80), (0xA640, 0xA6A0), (0xA720, 0xA800), (0xAB30, 0xAB70)),
    *((0x10780, 0x107C0), (0x1DF00, 0x1E000)),
)
_BARE_LETTERS: Final = frozenset(chr(c) for block in _BARE_BLOCKS for c in range(*block))

# Signs without width or meaning of their own that Unicode doesn't class as format characters.
_TRACELESS: Final = frozenset(
    "'‘’ʻʼ"  # apostrophes
    "\u0640"  # Arabic tatweel
    "\u034f\u115f\u1160\u17b4\u17b5"  # grapheme joiner, Hangul fillers, Khmer inherent vowels
    "\u180b\u180c\u180d\u180f"  # Mongolian variation selectors
) | frozenset(map(chr, range(0xFE00, 0xFE10)))  # variation selectors


# Points of Arabic and Hebrew letters that writers may leave out: vowels, hamza and madda, cantillation.
# As Lucene's ArabicNormalizer, which also folds the final letters below (Larkey, Ballesteros, Connell 2002).
_OPTIONAL_MARKS: Final = frozenset(
    chr(c)
    for first, end in ((0x0591, 0x05C8), (0x0610, 0x061B), (0x064B, 0x0660), (0x06D6, 0x06EE))
    for c in (*range(first, end), 0x0670)
    if unicodedata.category(chr(c)) == "Mn"
)


def _pairs(originals: str, replacements: str) -> dict[str, str]:
    return dict(zip(originals, replacements, strict=True))


# Look-alikes, as they stand after casefolding. Letters whose capital alone is a look-alike
# (в, н, т, м) fold too: one letter must not depend on its case. Within a script two letters
# seldom meet in one, so real Russian or Greek loses nothing.
_CONFUSABLES: Final = (
    _pairs("авекмнорстухіјѕһԁԛԝѵүӏ", "abekmhopctyxijshdqwvyl")
    | _pairs("0134578", "oieastb")
    | _pairs("αβγεζηικμνορτυχωϳ", "abyeznikmvoptuxwj")
    | _pairs("օոսհցզյ", "onuhgqj")
    | _pairs("ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏎᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏧᏮᏳᏴ", "drtiyajewmhyghzabrwsvslcpkd6gb")
    | _pairs("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz")
    | _pairs("ıɩøłđðħŧɑɡƀƈɗɖƒɠɦɨƙɫɱŋɲɵƥʠɍʂƭʈʉʋⱳƴɏƶȼɇɉⱥⱦɋʐ", "iiolddhtagbcddfghiklmnnopqrsttuvwyyzcejatqz")
    | {"æ": "ae", "œ": "oe", "℮": "e"}
    | {chr(first + i): chr(ord("a") + i) for first in (0x1F150, 0x1F170) for i in range(26)}  # 🅐 🅰
)
_SPELLINGS: Final = _pairs("ةىیک", "هييك")
"""Arabic letters that are typed either way, at the end of words or on a Persian keyboard."""
_FOLDED: Final = _CONFUSABLES | _SPELLINGS


class Kind(IntEnum):
    """What a mapped code point is to the later steps. The two below `BARE` make a gap."""

    OTHER = 0  # punctuation, symbol, emoji, separator without width, unassigned, private
    WHITE = 1  # white space: ends a link
    BARE = 2  # number, or letter of Latin, Greek or Cyrillic: takes no marks
    BASE = 3  # letter of another script: keeps its marks
    MARK = 4  # combining mark


class Tables(NamedTuple):
    """The mapping of every code point, as the kernel reads it. Read-only.

    Attributes:
        entries: uint32 (0x110000,). Bits 29-31 are the kind, bit 21 says that a link or
            mention may start here, bits 0-20 are the code point. Kind 7 (`MULTIPLE`): bits
            0-15 are the offset, bits 16-19 the length of a run of such entries in `pool`.
        pool: uint32, the runs.
    """

    entries: npt.NDArray[np.uint32]
    pool: npt.NDArray[np.uint32]


def mapped(char: str) -> str:
    """The zero to `MAX_MAPPED` code points that one becomes, whatever stands around it."""
    decomposed = unicodedata.normalize("NFKD", char).casefold()
    folded = [_FOLDED.get(c, c) for c in unicodedata.normalize("NFKD", decomposed)]
    return "".join([c for c in "".join(folded) if not _is_traceless(c)])[:MAX_MAPPED]


def _is_traceless(char: str) -> bool:
    if char in _TRACELESS or char in _OPTIONAL_MARKS or ord(char) in _TAGS:
        return True
    category = unicodedata.category(char)
    return category in {"Cf", "Me"} or (category == "Cc" and not char.isspace())


def kind(char: str) -> Kind:
    """The kind of a code point of `mapped`'s output."""
    if char.isalnum():
        return Kind.BARE if char in _BARE_LETTERS or not char.isalpha() else Kind.BASE
    if char.isspace():
        return Kind.WHITE
    return Kind.MARK if unicodedata.category(char)[0] == "M" else Kind.OTHER


@functools.cache
def tables() -> Tables:
    """Build the tables, about 0.2 s on first use, then shared by the process."""
    entries = np.full(0x110000, Kind.OTHER << KIND_SHIFT, np.uint32)
    entries[_TAGS.start : _TAGS.stop] = MULTIPLE << KIND_SHIFT
    pool: list[int] = []
    for start in range(0, _PLANES_WITH_LETTERS, _PAGE):
        page = "".join(map(chr, range(start, start + _PAGE)))
        if _is_plain(page):
            entries[start : start + _PAGE] |= np.arange(start, start + _PAGE, dtype=np.uint32)
            entries[start : start + _PAGE] |= np.uint32(Kind.BASE << KIND_SHIFT)
        elif not set(map(unicodedata.category, page)) <= {"Cn", "Co", "Cs"}:
            entries[start : start + _PAGE] = [_table_entry(char, pool) for char in page]
    result = Tables(entries, np.array(pool, np.uint32))
    for table in result:
        table.flags.writeable = False
    return result


def _is_plain(page: str) -> bool:
    """Whether a page is all letters that map to themselves: the pages of ideographs are."""
    return page >= _FIRST_IDEOGRAPH and page.isalpha() and unicodedata.normalize("NFKD", page) == page


def _table_entry(char: str, pool: list[int]) -> int:
    run = [_entry(c) for c in mapped(char)]
    if len(run) == 1:
        return run[0]
    pool += run
    return MULTIPLE << KIND_SHIFT | len(run) << _LENGTH_SHIFT | (len(pool) - len(run))


def _entry(char: str) -> int:
    return kind(char) << KIND_SHIFT | (TRIGGER if char in _TRIGGERS else 0) | ord(char)
