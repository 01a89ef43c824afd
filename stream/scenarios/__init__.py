"""Scenarios: whole feeds made up from a seed, with a campaign in them whose size is known.

Every post carries a field of ours, `scenario` (`actor`, `version`, `item`), which the contract
passes on untouched, so that what was found can be compared with what is there.
"""

from collections.abc import Callable
from dataclasses import dataclass

from stream.scenarios import boycott, conference, montage, new_caledonia
from stream.scenarios.posts import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario by name. `generate` takes a seed and gives posts in order of time."""

    name: str
    summary: str
    generate: Callable[[int], list[Post]]


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="new-caledonia",
            summary=(
                "15 May 2024: 1,686 accounts on X and 80 on Facebook post two texts 5,332 times "
                "within a background of ten times as many posts (after VIGINUM's figures)"
            ),
            generate=new_caledonia.generate,
        ),
        Scenario(
            name="montage",
            summary=(
                "15 and 16 May 2024: one picture 4,000 times, each time in other words; "
                "texts alone don't give it away (after VIGINUM's figures)"
            ),
            generate=montage.generate,
        ),
        Scenario(
            name="boycott",
            summary=(
                "26 and 27 July 2023: 91 accounts, 40 of them new, post 1,600 times in two stages "
                "over two days (after VIGINUM's figures)"
            ),
            generate=boycott.generate,
        ),
        Scenario(
            name="conference",
            summary=(
                "6 July 2023: 895 accounts post three statements in two languages 7,000 times in a day, "
                "1,000 of them inside ten minutes (after VIGINUM's figures)"
            ),
            generate=conference.generate,
        ),
    )
}


def generate(name: str, seed: int) -> list[Post]:
    """The posts of a scenario, by `created_at`.

    Equal seeds give equal posts under every Python version.

    Raises:
        KeyError: no scenario has that name.
    """
    return SCENARIOS[name].generate(seed)
