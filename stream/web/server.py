"""The page's HTTP: server-rendered HTML, server-sent events, JSON.

Nobody is asked for a password: it listens on this machine only unless told otherwise, and a team
puts its own proxy in front. All that can be changed here are people's rulings (`stream.web.desk`).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from detectors.alert import Severity
from detectors.ruling import Ruled, Ruling, Undo
from stream.alert_text import clock
from stream.web import view
from stream.web.api import Api, as_json, the_burst
from stream.web.board import Entry, Wanted
from stream.web.desk import Desk
from stream.web.live import Live
from stream.web.query import LIST, Asked, asked, parameters

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
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_ERRORS = {400: "That was not understood", 403: "Not you", 404: "Not here", 405: "Not so", 503: "Not now"}
_TAKEN_S = 5.0
"""How long a form waits for BURST."""
_MAX_FORM_BYTES = 16_384
_LENGTHS = [
    (1800, "30 minutes"),
    (7200, "2 hours"),
    (28_800, "8 hours"),
    (86_400, "a day"),
    (604_800, "a week"),
]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(live: Live, desk: Desk | None = None) -> web.Application:
    """The application; `live` is kept up to date by others, `desk` takes decisions."""
    app = web.Application(middlewares=[_answers], client_max_size=_MAX_FORM_BYTES)
    page, api = _Page(live, desk if desk is not None and desk.is_open else None), Api(live)
    app.add_routes(
        [
            web.get("/", page.now),
            web.get("/timeline", page.day),
            web.get("/bursts/{id}", page.burst),
            web.get("/bursts/{id}/detail", page.detail),
            web.get("/rulings", page.rulings),
            web.post("/bursts/{id}/rule", page.rule),
            web.post("/rulings/{id}/undo", page.undo),
            web.get("/events", page.events),
            web.get("/healthz", page.healthz),
            web.get("/api/bursts", api.bursts),
            web.get("/api/bursts/{id}", api.burst),
            web.get("/api/timeline", api.timeline),
            web.get("/api/rulings", api.rulings),
            web.get("/api/openapi.json", api.description),
            web.static("/static", Path(__file__).parent / "static"),
        ]
    )
    app[_PAGE] = page
    app.on_response_prepare.append(_harden)
    app.on_shutdown.append(page.close)
    return app


class _Page:
    """The handlers."""

    def __init__(self, live: Live, desk: Desk | None) -> None:
        self._live = live
        self._desk = desk
        self._n_watchers = 0
        # Not lazily: a template that doesn't compile must stop the start, not a request.
        self._templates = Environment(
            loader=PackageLoader("stream.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["can_rule"] = desk is not None

    async def close(self, _app: web.Application) -> None:
        """Let the watchers go."""
        self._live.close()

    # --- pages ---

    async def now(self, request: web.Request) -> web.Response:
        """What rings."""
        for_list = asked(request, LIST)
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
        for_list = asked(request, LIST)
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
        return self._with_forms(
            request,
            "burst.html",
            page="burst",
            level=2,
            card=view.card(entry),
            detail=view.detail(entry, self._live.board),
            rulings=self._decisions(entry),
            events="/events?" + urlencode({"id": entry.alert.id, "since": since}),
        )

    async def detail(self, request: web.Request) -> web.Response:
        """What a card unfolds."""
        parameters(request, ())
        entry = self._entry(request)
        return self._with_forms(
            request,
            "detail.html",
            card=view.card(entry),
            detail=view.detail(entry, self._live.board),
            rulings=self._decisions(entry),
            level=4,
        )

    async def rulings(self, request: web.Request) -> web.Response:
        """What people decided: what holds, and what did."""
        parameters(request, ())
        told = [view.decision(one) for one in self._live.newest_rulings()]
        return self._with_forms(
            request,
            "rulings.html",
            page="rulings",
            level=3,
            held=[one for one in told if one.holds],
            ended=[one for one in told if not one.holds][:MAX_OVER],
        )

    # --- decisions ---

    async def rule(self, request: web.Request) -> web.Response:
        """A mute, a known template or a verdict."""
        entry = self._entry(request)
        return await self._decided(request, await self._the_desk().rule(request, entry.alert))

    async def undo(self, request: web.Request) -> web.Response:
        """A ruling is taken back."""
        ruled = self._live.rulings.get(request.match_info["id"])
        if ruled is None or ruled.ended is not None:
            raise web.HTTPNotFound(text="No such ruling holds.")
        return await self._decided(request, await self._the_desk().undo(request, ruled))

    def _the_desk(self) -> Desk:
        if self._desk is None:
            raise web.HTTPForbidden(
                text="This page does not know who you are: set web_user_header or web_typed_names."
            )
        return self._desk

    async def _decided(self, request: web.Request, decision: Ruling | Undo) -> web.Response:
        """Say what became of it: to a script as JSON, else by the page it is about."""
        ruled = await self._live.taken(decision, _TAKEN_S)
        if request.headers.get("Accept") == "application/json":
            told = "asked; it holds as soon as a worker has read it" if ruled is None else _done(ruled)
            return as_json({"said": told, "taken": ruled is not None})
        burst = decision.burst if isinstance(decision, Ruling) else self._live.rulings[decision.ruling].burst
        where = f"/bursts/{quote(burst, safe='')}" if self._live.board.get(burst) else "/rulings"
        raise web.HTTPSeeOther(where)

    def _decisions(self, entry: Entry) -> list[view.Decision]:
        """Rulings on a burst; the one that covers it, which may be on another, first."""
        by = entry.alert.muted_by
        over = self._live.rulings.get(by.ruling) if by is not None else None
        found = [one for one in self._live.on(entry.alert.id) if over is None or one.id != over.id]
        return [view.decision(one) for one in ([over, *found] if over is not None else found)]

    def _with_forms(self, request: web.Request, template: str, **values: Any) -> web.Response:
        """A page with forms, for those who may send them."""
        desk = self._desk
        if desk is None:
            return self._html(template, token="", **values)
        token = desk.token(request)
        response = self._html(
            template, token=token, asks_name=desk.asks_name, who=desk.who(request), lengths=_LENGTHS, **values
        )
        desk.keep(response, token)
        return response

    async def healthz(self, _request: web.Request) -> web.Response:
        """Well while it answers: without its reader the process ends."""
        return web.Response(text=f"{len(self._live.board)} bursts known\n")

    # --- events ---

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Changes as they come: ``burst`` (a card, or its end), ``counts``, ``reload``."""
        given = parameters(request, (*LIST, "id", "since"))
        wanted = asked(request, (*LIST, "id", "since")).wanted
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

    # ---

    def _entry(self, request: web.Request) -> Entry:
        return the_burst(self._live, request)

    def _counts(self, wanted: Wanted) -> str:
        ringing = self._live.board.ringing(wanted)
        n_muted = sum(entry.alert.muted_by is not None for entry in ringing)
        return _count(ringing, "ring") + (f", {n_muted:,} of them muted" if n_muted else "")

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
        if request.path.startswith("/api/") or request.headers.get("Accept") == "application/json":
            answer = as_json({"error": said})
            answer.set_status(error.status)
        else:
            answer = request.app[_PAGE].error(error.status, said)
        for name in ("Allow", "Retry-After"):
            if name in error.headers:
                answer.headers[name] = error.headers[name]
        return answer


async def _harden(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _done(ruled: Ruled) -> str:
    told = view.decision(ruled)
    return (
        told.ended or f"{told.what}{f' until {told.until} of the feed' if told.until else ''}, by {told.by}"
    )


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
