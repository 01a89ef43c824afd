"""Strangers' text, made safe to show: pure.

A post can hold anything: ANSI escapes that repaint the terminal, newlines that forge a second
alert, bidi controls that turn a sentence round, invisible characters, stacks of marks. What
`clean` returns is one line of visible characters; it is for people to read, never for matching
(that is `detectors.normalise`). It does not escape any markup: print it as data, with
``rich.text.Text``, ``textContent`` or the like.
"""

import re
import unicodedata

FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"
MAX_MARKS = 3
"""Combining marks in a row; real writing has two or three, "zalgo" dozens."""

_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    # OSC, DCS …: titles, hyperlinks. Bounded and ended, or a lone introducer would hide a whole post.
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]{0,300}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?"
)
# Letters and marks by category that show as nothing at all.
_BLANK = dict.fromkeys(map(ord, "\u115f\u1160\u3164\uffa0\u2800"), " ")
_CURLY = dict.fromkeys(map(ord, "“”„‟"), '"')
_INVISIBLE_MARK = re.compile("[\u034f\u17b4\u17b5\U000e0100-\U000e01ef]")
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


def clean(text: str) -> str:
    """`text` as one line of visible characters.

    Escape sequences, control, format (zero-width, bidi, tags) and private characters go; every
    kind of white space is one space; lone surrogates and unassigned ones show as U+FFFD.
    """
    text = _INVISIBLE_MARK.sub("", _ESCAPE.sub("", text).translate(_BLANK))
    kept: list[str] = []
    n_marks = 0
    for char in text:
        category = unicodedata.category(char)
        n_marks = n_marks + 1 if category in {"Mn", "Me"} else 0
        if char.isspace() or category in {"Zl", "Zp", "Zs"}:
            kept.append(" ")
        elif category in {"Cs", "Cn"}:
            kept.append("\ufffd")
        elif category not in {"Cc", "Cf", "Co"} and n_marks <= MAX_MARKS:
            kept.append(char)
    return " ".join("".join(kept).split())


def n_cells(text: str) -> int:
    """Columns that cleaned `text` takes on a terminal, about: wide characters count two."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def shorten(text: str, max_cells: int) -> str:
    """Cleaned `text` in at most `max_cells` columns, cut at a word where one ends near, with "…"."""
    # A bound before anything else: what is shown never needs more of a huge text.
    whole = clean(text[: 8 * max_cells + 400])
    if n_cells(whole) <= max_cells and len(text) <= 8 * max_cells + 400:
        return whole
    used, end = 1, 0
    for char in whole:
        used += n_cells(char)
        if used > max_cells:
            break
        end += 1
    cut = whole[:end]
    if (space := cut.rfind(" ")) >= max(1, end * 2 // 3):
        cut = cut[:space]
    return cut.rstrip(" ,.;:–-…") + "…"


def isolate(text: str) -> str:
    """`text` fenced off by bidi isolates if any of it runs right to left; else as it is.

    Without them an Arabic quotation turns the numbers and punctuation around it.
    """
    if any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in text):
        return FIRST_STRONG_ISOLATE + text + POP_ISOLATE
    return text


def shown(text: str, max_cells: int) -> str:
    """A word or link of strangers, for use inside a sentence of ours; "?" if nothing of it shows."""
    return isolate(shorten(text, max_cells)) or "?"


def quote(text: str, max_cells: int) -> str:
    """A text of strangers in quotation marks, shortened and fenced off; told if nothing shows.

    Curly quotes inside become straight ones, so that no text can end its own quotation.
    """
    visible = shorten(text.translate(_CURLY), max_cells)
    return f"“{isolate(visible)}”" if visible else "(no visible text)"
