"""The shape of a language's material: who does what, and when, in phrases of our own.

A sentence is ``who + does + tail``; ``does`` may hold ``[what]``, and every phrase may hold
``[name]``, ``[place]``, ``[n]`` or ``[clock]``. There is hardly any fixed skeleton, so two
organic posts share a phrase or two by chance but are not copies of each other.
"""

from dataclasses import dataclass


def bits(block: str) -> tuple[str, ...]:
    """Split a block of phrases at ``|``, which line ends may stand beside."""
    return tuple(phrase for piece in block.split("|") if (phrase := piece.strip()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What people talk about: interchangeable subjects, predicates and objects."""

    tags: tuple[str, ...]
    who: tuple[str, ...]
    does: tuple[str, ...]
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """A language: its topics, most frequent first, and phrases that fit any of them.

    Attributes:
        code: BCP 47 language tag, as in a post's ``lang``.
        script: name of its main script.
        share: relative number of accounts writing it.
        space: what stands between a subject and its predicate.
        pause: what stands around openers and tails.
        stop: what stands between sentences.
        topics: drawn by Zipf's law in this order.
        tails: when, where or how; ends a sentence.
        openers: may begin a post.
        remarks: whole sentences that fit after anything.
        shorts: posts of a word or two.
        greetings: "good morning", in many ways.
        names: given names.
        places: towns and quarters.
    """

    code: str
    script: str
    share: float
    space: str = " "
    pause: str = " "
    stop: str = ". "
    topics: tuple[Topic, ...]
    tails: tuple[str, ...]
    openers: tuple[str, ...]
    remarks: tuple[str, ...]
    shorts: tuple[str, ...]
    greetings: tuple[str, ...]
    names: tuple[str, ...]
    places: tuple[str, ...]
