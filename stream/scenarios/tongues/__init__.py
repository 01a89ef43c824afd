"""What the scenarios' people say: fourteen languages in nine scripts, written for this project."""

from stream.scenarios.tongues import ar, de, en, es, fr, hi, id, ja, ko, pt, ru, th, tr, zh  # noqa: A004
from stream.scenarios.tongues.grammar import Tongue

TONGUES: tuple[Tongue, ...] = tuple(
    module.TONGUE for module in (en, ja, es, fr, ar, pt, ru, id, tr, ko, de, hi, th, zh)
)
