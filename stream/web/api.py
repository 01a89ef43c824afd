"""The page's JSON, as `stream.web.openapi` describes it."""

from typing import Any

import msgspec
from aiohttp import web

from stream.web.board import Entry
from stream.web.live import Live
from stream.web.openapi import openapi
from stream.web.query import LIST, asked, parameters


class Api:
    """The handlers below ``/api``."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._description = msgspec.json.encode(openapi())

    async def bursts(self, request: web.Request) -> web.Response:
        """A list."""
        for_list = asked(request, (*LIST, "status", "limit"))
        found = self._live.board.find(for_list.wanted)
        return as_json(
            {
                "total": len(found),
                "latest": self._live.board.latest,
                "bursts": [_plain(entry) for entry in found[: for_list.limit]],
            }
        )

    async def burst(self, request: web.Request) -> web.Response:
        """One burst."""
        parameters(request, ())
        entry = the_burst(self._live, request)
        related = [_plain(other) for other in self._live.board.related(entry.alert)]
        return as_json({"burst": _plain(entry), "related": related})

    async def timeline(self, request: web.Request) -> web.Response:
        """The last day."""
        board, for_list = self._live.board, asked(request, LIST)
        return as_json({"latest": board.latest, "bursts": [_plain(e) for e in board.day(for_list.wanted)]})

    async def rulings(self, request: web.Request) -> web.Response:
        """What people decided."""
        parameters(request, ())
        return as_json({"rulings": self._live.newest_rulings()})

    async def description(self, request: web.Request) -> web.Response:
        """OpenAPI."""
        parameters(request, ())
        return web.Response(body=self._description, content_type="application/json")


def the_burst(live: Live, request: web.Request) -> Entry:
    """The burst that a path names.

    Raises:
        web.HTTPNotFound: none is known by that id.
    """
    entry = live.board.get(request.match_info["id"])
    if entry is None:
        raise web.HTTPNotFound(text="No such burst is known; the page keeps the latest 2,000.")
    return entry


def as_json(value: Any) -> web.Response:
    """An answer."""
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _plain(entry: Entry) -> dict[str, Any]:
    return {"alert": entry.alert, "append_ms": entry.append_ms}
