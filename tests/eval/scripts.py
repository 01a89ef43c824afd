"""Copies in many scripts: does one burst hold as much of a campaign as it does in Latin?

Each campaign says one made-up message (`script_texts`), short or long, in 400 copies by as many
accounts within a quarter of an hour, after an hour of unrelated posts. Copies differ as copies do
(`stream.scenarios.copies`): typos, hashtags, mentions, emoji, links; and some are cut, in capitals,
or spelt as people of that language also spell. A language's share is the mean of a dozen such
campaigns; Latin's that of English and French. A short message under hashtags as long as itself is
shown apart: it may fall into two bursts, whatever the script.
"""

import random
from collections.abc import Iterator
from statistics import fmean
from typing import Any

from stream.scenarios.copies import Copyist
from stream.scenarios.dice import Dice
from tests.eval.evasion import background_feed, heard
from tests.eval.rows import SEED, Row, Setup
from tests.eval.script_texts import LATIN, TEXTS, Written

N_COPIES, N_CAMPAIGNS = 400, 12
USUAL_HASHTAGS = 2
DOTTED = ("Turkish", "Azerbaijani")
"""Languages in which I is the capital of ı, and İ that of i."""
TYPED, CUT, CAPITALS = 0.3, 0.1, 0.1
"""Share of copies with each habit of the language, cut short, in capitals."""


def measure(setup: Setup) -> list[Row]:
    """scripts_gap; and scripts_hashtags, without a reach."""
    background = list(background_feed())
    cases, under_hashtags = [], []
    for language, written in setup.track(TEXTS.items(), "scripts"):
        usual = written._replace(hashtags=written.hashtags[:USUAL_HASHTAGS])
        cases += [_case(language, usual, length, background) for length in ("short", "long")]
        under_hashtags.append(_case(language, written, "short", background))
    latin, others = latin_and_others(cases)
    shown = ", ".join(f"{share:.3f} ({length})" for length, share in latin.items())
    return [
        Row.judged(
            id="scripts_gap",
            measure=f"share of a campaign of {N_COPIES} copies in one burst: that of Latin, {shown}, less "
            f"that of the worst of {len(TEXTS) - len(LATIN)} languages",
            value=max(0.0, *(latin[case["length"]] - case["share"] for case in others)),
            unit="share", reach="≤ 0.02", cases=cases,
        ),
        Row(
            id="scripts_hashtags",
            measure=f"the same share, of short messages under hashtags as long as themselves, worst of "
            f"{len(TEXTS)} languages",
            value=min(case["share"] for case in under_hashtags), unit="share", cases=under_hashtags,
        ),
    ]  # fmt: skip


def latin_and_others(cases: list[dict[str, Any]]) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Mean share of the Latin languages, by length; and the cases of the others."""
    mine = [case for case in cases if case["language"] in LATIN]
    lengths = {case["length"] for case in mine}
    means = {
        name: fmean(case["share"] for case in mine if case["length"] == name) for name in sorted(lengths)
    }
    return means, [case for case in cases if case["language"] not in LATIN]


def _case(language: str, written: Written, length: str, background: list[bytes]) -> dict[str, Any]:
    """What was heard of a dozen campaigns with one message."""
    text = written.short if length == "short" else written.long
    shares = []
    for seed in range(SEED, SEED + N_CAMPAIGNS):
        copies = list(copies_of(language, written, text, seed=seed))
        shares.append(heard(copies, background, random.Random(seed))[0])
    examples = list(copies_of(language, written, text, seed=SEED, n=5))
    case = {"language": language, "length": length, "share": fmean(shares), "worst": min(shares)}
    return case | {"text": text, "copies": examples}


def copies_of(language: str, written: Written, text: str, *, seed: int, n: int = N_COPIES) -> Iterator[str]:
    """`n` copies of `text`, as people and tools vary them; equal seeds give equal copies."""
    dice = Dice(seed)
    copyist = Copyist(dice, {language: text}, written.hashtags)
    for _ in range(n):
        copy = copyist.copy(language).text
        for printed, typed in written.habits:
            if dice.hit(TYPED):
                copy = copy.replace(printed, typed)
        if dice.hit(CAPITALS):
            copy = capitals(copy) if language in DOTTED and dice.hit(0.5) else copy.upper()
        if dice.hit(CUT):
            copy = copy[: dice.between(len(copy) * 3 // 5, len(copy))] + "…"
        yield copy


def capitals(text: str) -> str:
    """Upper case as Turkish has it: i gets its dot, ı stays without."""
    return text.replace("i", "İ").upper()
