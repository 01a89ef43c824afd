"""The page's HTTP: server-rendered HTML, server-sent events, JSON.

Nobody is asked who they are: it listens on this machine only unless told otherwise, and a team
puts its own proxy in front. Nothing here changes anything.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from detectors.alert import Severity
from stream.alert_text import clock
from stream.web import view
from stream.web.board import Entry, Wanted
from stream.web.live import Live
from stream.web.openapi import openapi
from stream.web.query import Asked, asked, parameters

MAX_RINGING, MAX_OVER, MAX_LINES = 1000, 50, 500
"""Most cards of each list, and lines of the timeline."""
MAX_WATCHERS = 500
"""Most open streams of events; the next is told to come back later."""
_GATHER_S = 0.3
"""Between two looks at the board: what changes faster is told once."""
_BEAT_S = 15.0
"""A silent stream says something so often, or proxies would end it."""
_SLOW_S = 30.0
"""A watcher that takes nothing for so long is sent home; it comes back by itself."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_LIST = ("q", "min_severity")
_ERRORS = {400: "That was not understood", 404: "Not here", 405: "Not so", 503: "Too many watch"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(live: Live) -> web.Application:
    """The application; `live` is kept up to date by others."""
    app = web.Application(middlewares=[_answers])
    page = _Page(live)
    app.add_routes(
        [
            web.get("/", page.now),
            web.get("/timeline", page.day),
            web.get("/bursts/{id}", page.burst),
            web.get("/bursts/{id}/detail", page.detail),
            web.get("/events", page.events),
            web.get("/healthz", page.healthz),
            web.get("/api/bursts", page.api_bursts),
            web.get("/api/bursts/{id}", page.api_burst),
            web.get("/api/timeline", page.api_timeline),
            web.get("/api/openapi.json", page.api_description),
            web.static("/static", Path(__file__).parent / "static"),
        ]
    )
    app[_PAGE] = page
    app.on_response_prepare.append(_harden)
    app.on_shutdown.append(page.close)
    return app


class _Page:
    """The handlers."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._n_watchers = 0
        # Not lazily: a template that doesn't compile must stop the start, not a request.
        self._templates = Environment(
            loader=PackageLoader("stream.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._description = msgspec.json.encode(openapi())

    async def close(self, _app: web.Application) -> None:
        """Let the watchers go."""
        self._live.close()

    # --- pages ---

    async def now(self, request: web.Request) -> web.Response:
        """What rings."""
        for_list = asked(request, _LIST)
        board = self._live.board
        ringing = board.ringing(for_list.wanted)
        over = board.over(for_list.wanted)
        return self._html(
            "now.html",
            for_list,
            page="now",
            counts=self._counts(for_list.wanted),
            events="/events?" + urlencode(dict(request.query) | {"since": self._live.mark(board.version)}),
            ringing=[view.card(entry) for entry in ringing[:MAX_RINGING]],
            over=[view.card(entry) for entry in over[:MAX_OVER]],
            n_hidden=max(0, len(ringing) - MAX_RINGING),
        )

    async def day(self, request: web.Request) -> web.Response:
        """The timeline."""
        for_list = asked(request, _LIST)
        board = self._live.board
        bursts = board.day(for_list.wanted)
        ranks = sorted((entry.alert.severity.rank, entry.alert.posts) for entry in bursts)
        bar = ranks[-MAX_LINES] if len(ranks) > MAX_LINES else (0, 0)
        chosen = [e for e in bursts if (e.alert.severity.rank, e.alert.posts) >= bar][:MAX_LINES]
        hours = [clock(board.latest - timedelta(hours=h)) for h in (24, 0)] if board.latest else []
        return self._html(
            "day.html",
            for_list,
            page="day",
            counts=_count([*bursts], "rang"),
            latest=hours[-1] if hours else None,
            hours=hours,
            lines=view.timeline(chosen, board.latest),
            n_hidden=len(bursts) - len(chosen),
        )

    async def burst(self, request: web.Request) -> web.Response:
        """One burst."""
        parameters(request, ())
        entry = self._entry(request)
        since = self._live.mark(entry.version)
        return self._html(
            "burst.html",
            page="burst",
            level=2,
            card=view.card(entry),
            detail=view.detail(entry, self._live.board),
            events="/events?" + urlencode({"id": entry.alert.id, "since": since}),
        )

    async def detail(self, request: web.Request) -> web.Response:
        """What a card unfolds."""
        parameters(request, ())
        detail = view.detail(self._entry(request), self._live.board)
        return self._html("detail.html", detail=detail, level=4)

    async def healthz(self, _request: web.Request) -> web.Response:
        """Well while it answers: without its reader the process ends."""
        return web.Response(text=f"{len(self._live.board)} bursts known\n")

    # --- events ---

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Changes as they come: ``burst`` (a card, or its end), ``counts``, ``reload``."""
        given = parameters(request, (*_LIST, "id", "since"))
        wanted = asked(request, (*_LIST, "id", "since")).wanted
        mark = request.headers.get("Last-Event-ID") or given.get("since", self._live.mark(0))
        if self._n_watchers >= MAX_WATCHERS:
            raise web.HTTPServiceUnavailable(text="Too many watch.", headers={"Retry-After": "30"})
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        self._n_watchers += 1
        try:
            with suppress(ConnectionError, TimeoutError):
                async for said in self._changes(self._live.version_of(mark), wanted, given.get("id")):
                    await asyncio.wait_for(response.write(said), _SLOW_S)
        finally:
            self._n_watchers -= 1
        return response

    async def _changes(
        self, version: int | None, wanted: Wanted, burst_id: str | None
    ) -> AsyncIterator[bytes]:
        yield b"retry: 2000\n\n"
        if version is None:
            yield _event("reload", {}, self._live.mark(self._live.board.version))
            return
        counts = ""
        while not self._live.closing:
            for entry in self._live.board.since(version):
                version = entry.version
                if burst_id in {None, entry.alert.id}:
                    yield _event("burst", self._told(entry, wanted), self._live.mark(version))
            if burst_id is None and counts != (now := self._counts(wanted)):
                counts = now
                yield _event("counts", {"counts": counts})
            await asyncio.sleep(_GATHER_S)
            await self._live.wait(version, _BEAT_S)
            if self._live.board.version == version:
                yield b": still here\n\n"

    def _told(self, entry: Entry, wanted: Wanted) -> dict[str, Any]:
        card = view.card(entry)
        html = None
        if wanted.takes(entry):
            html = self._templates.get_template("card_only.html").render(card=card).strip()
        return {"id": entry.alert.id, "place": card.place, "html": html}

    # --- JSON ---

    async def api_bursts(self, request: web.Request) -> web.Response:
        """A list."""
        for_list = asked(request, (*_LIST, "status", "limit"))
        found = self._live.board.find(for_list.wanted)
        return _json(
            {
                "total": len(found),
                "latest": self._live.board.latest,
                "bursts": [_plain(entry) for entry in found[: for_list.limit]],
            }
        )

    async def api_burst(self, request: web.Request) -> web.Response:
        """One burst."""
        parameters(request, ())
        entry = self._entry(request)
        related = [_plain(other) for other in self._live.board.related(entry.alert)]
        return _json({"burst": _plain(entry), "related": related})

    async def api_timeline(self, request: web.Request) -> web.Response:
        """The last day."""
        board, for_list = self._live.board, asked(request, _LIST)
        return _json({"latest": board.latest, "bursts": [_plain(e) for e in board.day(for_list.wanted)]})

    async def api_description(self, request: web.Request) -> web.Response:
        """OpenAPI."""
        parameters(request, ())
        return web.Response(body=self._description, content_type="application/json")

    # ---

    def _entry(self, request: web.Request) -> Entry:
        entry = self._live.board.get(request.match_info["id"])
        if entry is None:
            raise web.HTTPNotFound(text="No such burst is known; the page keeps the latest 2,000.")
        return entry

    def _counts(self, wanted: Wanted) -> str:
        return _count(self._live.board.ringing(wanted), "ring")

    def _html(self, template: str, for_list: Asked | None = None, **values: Any) -> web.Response:
        values |= {
            "q": for_list.q if for_list else "",
            "min_severity": (for_list.wanted.min_severity if for_list else Severity.INFO).value,
        }
        return web.Response(
            text=self._templates.get_template(template).render(values), content_type="text/html"
        )

    def error(self, status: int, said: str) -> web.Response:
        """A page that says what is wrong."""
        response = self._html(
            "error.html", page="error", status=status, title=_ERRORS.get(status, "Sorry"), said=said
        )
        response.set_status(status)
        return response


_PAGE = web.AppKey("page", _Page)


@web.middleware
async def _answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors in the asker's language: JSON below ``/api``, else a page."""
    try:
        return await handler(request)
    except web.HTTPError as error:
        said = error.text or error.reason
        if request.path.startswith("/api/"):
            answer = _json({"error": said})
            answer.set_status(error.status)
        else:
            answer = request.app[_PAGE].error(error.status, said)
        for name in ("Allow", "Retry-After"):
            if name in error.headers:
                answer.headers[name] = error.headers[name]
        return answer


async def _harden(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _plain(entry: Entry) -> dict[str, Any]:
    return {"alert": entry.alert, "append_ms": entry.append_ms}


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _event(name: str, data: dict[str, Any], mark: str | None = None) -> bytes:
    head = b"" if mark is None else f"id: {mark}\n".encode()
    # JSON has no newline outside its strings and escapes those inside.
    return head + f"event: {name}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"


def _count(entries: list[Entry], verb: str) -> str:
    told = [
        f"{n:,} {severity.value}"
        for severity in reversed(Severity)
        if (n := sum(entry.alert.severity is severity for entry in entries))
    ]
    return (
        f"{', '.join(told)} {verb}" if told else f"nothing {verb}s" if verb == "ring" else f"nothing {verb}"
    )
