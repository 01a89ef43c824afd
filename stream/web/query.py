"""What a request asks for, checked: an unknown, repeated or wrong parameter is refused by name."""

from collections.abc import Iterable
from typing import NamedTuple, get_args

from aiohttp import web

from detectors.alert import Severity
from stream.web.board import MAX_BURSTS, Status, Wanted, words_of

MAX_QUERY_CHARS = 200
DEFAULT_LIMIT = 100
LIST = ("q", "min_severity")
"""Parameters of every list."""


class Asked(NamedTuple):
    """A list that is asked for."""

    wanted: Wanted
    q: str
    limit: int


def asked(request: web.Request, allowed: Iterable[str]) -> Asked:
    """The parameters of `request`, of which only those named in `allowed` may be there.

    Raises:
        web.HTTPBadRequest: one is unknown, repeated or out of range.
    """
    given = parameters(request, allowed)
    q = given.get("q", "")
    if len(q) > MAX_QUERY_CHARS:
        raise bad(f"q has more than {MAX_QUERY_CHARS} characters")
    severity = given.get("min_severity", Severity.INFO.value)
    if severity not in list(Severity):
        raise bad(f"min_severity is one of {', '.join(Severity)}")
    status: Status | None = next((s for s in get_args(Status) if s == given.get("status", "any")), None)
    if status is None:
        raise bad(f"status is one of {', '.join(get_args(Status))}")
    return Asked(Wanted(words_of(q), Severity(severity), status), q, _limit(given.get("limit")))


def parameters(request: web.Request, allowed: Iterable[str]) -> dict[str, str]:
    """Names and values in the query.

    Raises:
        web.HTTPBadRequest: one is unknown or given twice.
    """
    for name in request.query:
        if name not in set(allowed):
            raise bad(f"unknown parameter; there are: {', '.join(sorted(allowed)) or 'none'}")
        if len(request.query.getall(name)) > 1:
            raise bad(f"{name} is given more than once")
    return dict(request.query)


def bad(said: str) -> web.HTTPBadRequest:
    """The answer to a wrong request."""
    return web.HTTPBadRequest(text=said)


def _limit(given: str | None) -> int:
    if given is None:
        return DEFAULT_LIMIT
    if not (given.isascii() and given.isdigit() and len(given) <= 6 and 1 <= int(given) <= MAX_BURSTS):
        raise bad(f"limit is a whole number from 1 to {MAX_BURSTS}")
    return int(given)
