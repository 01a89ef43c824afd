"""Who may decide on the page, and what their forms say: mutes, known templates, verdicts, undo.

A form counts only if it was ours and sent from our page: its token must equal the visitor's own
cookie (double submit), and its Origin must be this page's. The Origin's host must also be one
that no stranger's name can be made to point to: localhost, an IP address or `page_url`'s host
(else DNS rebinding would make any site "ours").

Who decides is what the proxy's header says, or, on this machine or where the settings allow it,
what is typed. Nobody else is shown a button.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from hmac import compare_digest
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from detectors.alert import Alert
from detectors.ruling import Ruled, Ruling, RulingKind, Undo
from stream.errors import TocsinError
from stream.rulings import MAX_BY_CHARS, ruling_on, undo_of
from stream.safe_text import clean
from stream.settings_telling import PageSettings
from stream.web.query import bad

COOKIE = "tocsin-form"
_TOKEN_BYTES = 16
_FIELDS = {"token", "by", "why", "for_s", "kind"}

T = TypeVar("T", Ruling, Undo)
Append = Callable[[Ruling | Undo], Awaitable[None]]


class Desk:
    """Takes decisions.

    Args:
        settings: Of the page.
        page_url: Where people open it, if told.
        append: Puts a decision into the log.
    """

    def __init__(self, settings: PageSettings, page_url: str, append: Append) -> None:
        self._user_header = settings.web_user_header
        self._takes_names = settings.web_typed_names or _is_local(settings.web_host)
        self._public = urlsplit(page_url)
        self._append = append
        self._one_by_one = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether anybody can decide here."""
        return bool(self._user_header) or self._takes_names

    @property
    def asks_name(self) -> bool:
        """Whether people type who they are."""
        return not self._user_header

    def who(self, request: web.Request) -> str | None:
        """Whom the proxy names; None where it names nobody, or isn't asked."""
        named = request.headers.get(self._user_header, "") if self._user_header else ""
        return clean(named)[:MAX_BY_CHARS] or None

    @staticmethod
    def token(request: web.Request) -> str:
        """The visitor's own token, perhaps a new one."""
        given = request.cookies.get(COOKIE, "")
        is_ours = len(given) == 2 * _TOKEN_BYTES and given.isascii() and given.isalnum()
        return given if is_ours else secrets.token_hex(_TOKEN_BYTES)

    @staticmethod
    def keep(response: web.StreamResponse, token: str) -> None:
        """Have the visitor's browser remember its token."""
        response.set_cookie(COOKIE, token, httponly=True, samesite="Strict", path="/")

    async def rule(self, request: web.Request, alert: Alert) -> Ruling:
        """The decision about an alert that a form holds, appended to the log.

        Raises:
            web.HTTPError: it isn't ours, or wrong, or the log can't be reached.
        """
        form = await self._form(request)
        try:
            kind = RulingKind(form.get("kind", ""))
        except ValueError:
            raise bad(f"kind is one of {', '.join(RulingKind)}") from None
        for_s = form.get("for_s", "0")
        if not (for_s.isascii() and for_s.isdigit() and len(for_s) < 9):
            raise bad("for_s is a whole number of seconds")
        by, why = self._by(request, form), form.get("why", "")
        return await self._put(lambda: ruling_on(alert, kind, by=by, why=why, for_s=int(for_s)))

    async def undo(self, request: web.Request, ruled: Ruled) -> Undo:
        """The undo of a ruling that a form asks for, appended to the log.

        Raises:
            web.HTTPError: as `rule`.
        """
        form = await self._form(request)
        by, why = self._by(request, form), form.get("why", "")
        return await self._put(lambda: undo_of(ruled, by=by, why=why))

    async def _form(self, request: web.Request) -> dict[str, str]:
        if not self.is_open:
            raise web.HTTPForbidden(
                text="This page does not know who you are: set web_user_header or web_typed_names."
            )
        if request.content_type != "application/x-www-form-urlencoded":
            raise web.HTTPUnsupportedMediaType(text="A form is expected.")
        if not self._is_from_here(request):
            raise web.HTTPForbidden(
                text="That was not sent from this page: open it by its page_url, its IP address or localhost."
            )
        given = await request.post()
        form = {name: value for name, value in given.items() if isinstance(value, str)}
        if set(form) - _FIELDS or len(given) != len(form):
            raise bad(f"a form has {', '.join(sorted(_FIELDS))}, each once")
        cookie = request.cookies.get(COOKIE, "")
        if not cookie or not compare_digest(cookie.encode(), form.get("token", "").encode()):
            raise web.HTTPForbidden(text="That form is out of date: load the page anew and send it again.")
        return form

    def _by(self, request: web.Request, form: dict[str, str]) -> str:
        if self.asks_name:
            return form.get("by", "")
        named = self.who(request)
        if named is None:
            raise web.HTTPForbidden(text=f"The proxy names nobody in {self._user_header}.")
        return named

    def _is_from_here(self, request: web.Request) -> bool:
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return False
        try:
            origin = urlsplit(request.headers.get("Origin", ""))
            name = origin.hostname or ""
        except ValueError:
            return False
        if self._public.netloc and (origin.scheme, origin.netloc) == self._public[:2]:
            return True
        return origin.scheme in {"http", "https"} and origin.netloc == request.host and _is_fixed(name)

    async def _put(self, compose: Callable[[], T]) -> T:
        try:
            decision = compose()
        except TocsinError as error:
            raise bad(str(error)) from error
        try:
            async with self._one_by_one:
                await self._append(decision)
        except TocsinError as error:
            raise web.HTTPServiceUnavailable(text=str(error), headers={"Retry-After": "10"}) from error
        return decision


def _is_fixed(name: str) -> bool:
    """Whether no DNS record of a stranger decides where `name` points."""
    if name == "localhost":
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
