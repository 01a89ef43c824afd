"""Scenarios: whole feeds made up from a seed, with a campaign in them whose size is known.

Every post carries a field of ours, `scenario` (`actor`, `version`, `item`), which the contract
passes on untouched, so that what was found can be compared with what is there.
"""

from collections.abc import Callable
from dataclasses import dataclass

from stream.scenarios import new_caledonia
from stream.scenarios.posts import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario by name. `generate` takes a seed and gives posts in order of time."""

    name: str
    summary: str
    generate: Callable[[int], list[Post]]


SCENARIOS: dict[str, Scenario] = {
    "new-caledonia": Scenario(
        name="new-caledonia",
        summary=(
            "15 May 2024: 1,686 accounts on X and 80 on Facebook post two texts 5,332 times "
            "within a background of ten times as many posts (after VIGINUM's figures)"
        ),
        generate=new_caledonia.generate,
    ),
}


def generate(name: str, seed: int) -> list[Post]:
    """The posts of a scenario, by `created_at`.

    Equal seeds give equal posts under every Python version.

    Raises:
        KeyError: no scenario has that name.
    """
    return SCENARIOS[name].generate(seed)
