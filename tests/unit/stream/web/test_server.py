"""The page's HTTP, asked as a browser asks."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import jsonschema
import orjson
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from support.alerts import START, alert, muted, post

from detectors.alert import Alert, AlertReason, Severity
from stream.alerts import Told
from stream.web.board import Board
from stream.web.live import Live
from stream.web.server import make_app

EVIL = "<script>alert(1)</script> \u202eexe.gnp <img src=x onerror=alert(1)>"
Client = TestClient[Any, Any]


@pytest.fixture
def live() -> Live:
    """A board with three bursts: critical, hostile, over."""
    board = Board()
    ended = {"status": "resolved", "reason": AlertReason.RESOLVED, "ends_at": START + timedelta(minutes=4)}
    hostile = post(EVIL, url="javascript:alert(1)", platform="<b>x</b>", lang='"><script>')
    alerts: list[Alert] = [
        alert(id="grave"),
        alert(
            EVIL,
            id='evil"><script>',
            severity=Severity.WARNING,
            exemplar=hostile,
            first_post=hostile,
            hashtags=["<i>"],
            urls=["javascript:alert(1)"],
            muted_by=muted("maria <script>"),
        ),
        alert(id="over", **ended),
    ]
    live = Live(board)
    for one in alerts:
        live.show(Told(one, 1_715_768_469_000))
    return live


@pytest.fixture
async def client(live: Live) -> AsyncIterator[Client]:
    """A client of a server with that board."""
    async with TestClient(TestServer(make_app(live))) as client:
        yield client


PAGES = ["/", "/timeline", "/bursts/grave", "/bursts/grave/detail", "/bursts/evil%22%3E%3Cscript%3E"]


@pytest.mark.parametrize("path", [*PAGES, "/bursts/evil%22%3E%3Cscript%3E/detail"])
async def test_pages_show_strangers_texts_as_text(client: Client, path: str) -> None:
    """No element, attribute, script link or bidi control of theirs survives, and no inline script runs."""
    async with client.get(path) as response:
        html = await response.text()
        assert response.status == 200
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "<script>" not in html
    assert "<img" not in html
    assert "<b>x</b>" not in html
    assert "<i>" not in html
    assert 'href="javascript' not in html
    assert "\u202e" not in html
    assert " style=" not in html


async def test_the_list_says_what_the_issue_asks(client: Client) -> None:
    """Severity, words, counts, rate against normal, platforms, languages, pace, first post, mute."""
    async with client.get("/") as response:
        html = await response.text()
    for text in ("1 critical, 1 warning ring", "La France piétine", "64 posts", "60 accounts", "13 <span"):
        assert text in html
    for text in ("normal: none", "x, facebook", "at most 25 posts in 60 s", "x.example/status/1790"):
        assert text in html
    assert "Muted by maria &lt;script&gt; (an app&#39;s template): it wakes nobody." in html
    assert html.index('id="b-grave"') < html.index("evil") < html.index('id="b-over"')


async def test_a_burst_has_a_page_of_its_own(client: Client) -> None:
    """Evidence in words, wordings with the differing words marked, posts with links."""
    async with client.get("/bursts/grave") as response:
        html = await response.text()
    assert "38 of 41 accounts with a known age are under 30 days old" in html
    assert "<mark>Partez maintenant ! </mark>" in html
    assert 'rel="noopener noreferrer nofollow"' in html


async def test_search_narrows_lists_and_json_alike(client: Client) -> None:
    """The same words, the same bursts."""
    async with client.get("/?q=onerror") as response:
        html = await response.text()
    assert 'id="b-grave"' not in html
    async with client.get("/api/bursts?q=onerror&min_severity=warning&status=firing") as response:
        told = await response.json()
    assert [one["alert"]["id"] for one in told["bursts"]] == ['evil"><script>']


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/bursts?limit=0", "limit is a whole number from 1 to 2000"),
        ("/api/bursts?limit=²", "limit is a whole number from 1 to 2000"),
        ("/api/bursts?q=a&q=b", "q is given more than once"),
        ("/api/bursts?mute=1", "unknown parameter; there are: limit, min_severity, q, status"),
        ("/api/bursts?min_severity=grave", "min_severity is one of info, warning, critical"),
        ("/api/bursts?status=", "status is one of firing, resolved, any"),
        (f"/api/bursts?q={'x' * 201}", "q has more than 200 characters"),
    ],
)
async def test_wrong_parameters_are_refused_by_name(client: Client, path: str, said: str) -> None:
    """400, and what would be right."""
    async with client.get(path) as response:
        assert (response.status, await response.json()) == (400, {"error": said})


async def test_unknown_pages_and_bursts_are_404_in_the_askers_language(client: Client) -> None:
    """JSON below /api, a page elsewhere, both hardened."""
    async with client.get("/api/bursts/none") as response:
        assert (response.status, response.content_type) == (404, "application/json")
    async with client.get("/bursts/none") as response:
        assert (response.status, response.content_type) == (404, "text/html")
        assert "Content-Security-Policy" in response.headers
    async with client.post("/api/bursts") as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET,HEAD")


async def test_json_is_as_its_description_says(client: Client) -> None:
    """Each answer fits its schema in the OpenAPI document, and unknown fields are none."""
    async with client.get("/api/openapi.json") as response:
        document = await response.json()
    for path, name in (
        ("/api/bursts", "Bursts"),
        ("/api/bursts/grave", "Burst"),
        ("/api/timeline", "Timeline"),
    ):
        async with client.get(path) as response:
            value = orjson.loads(await response.read())
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(value)
        assert "La France" in orjson.dumps(value).decode()


async def events(response: ClientResponse) -> AsyncIterator[tuple[str, Any, str | None]]:
    """Events of a stream: name, data, id."""
    fields: dict[str, str] = {}
    async for line in response.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if not name and "event" in fields:
            yield fields["event"], orjson.loads(fields["data"]), fields.get("id")
            fields = {}
        elif name:
            fields[name] = value


async def test_a_watcher_is_told_what_changes_and_goes_on_where_it_stood(client: Client, live: Live) -> None:
    """First what it missed, then each change; after a reconnect only what came since."""
    async with asyncio.timeout(30), client.get(f"/events?since={live.mark(2)}") as response:
        assert response.content_type == "text/event-stream"
        told = events(response)
        name, data, mark = await anext(told)
        assert (name, data["id"], data["place"], mark) == ("burst", "over", "over", live.mark(3))
        assert (await anext(told))[:2] == (
            "counts",
            {"counts": "1 critical, 1 warning ring, 1 of them muted"},
        )
    live.board.add(Told(alert(id="new", seq=1, severity=Severity.INFO), 0))
    async with asyncio.timeout(30), client.get("/events", headers={"Last-Event-ID": mark or ""}) as response:
        name, data, mark = await anext(events(response))
        assert (name, data["id"], data["place"], mark) == ("burst", "new", "ringing", live.mark(4))
        assert 'id="b-new"' in data["html"]


def test_a_canary_is_no_burst_that_people_see(live: Live) -> None:
    """It is ours, and rings every ten minutes."""
    live.show(Told(alert(id="sung", first_post=post("tocsin canary", platform="tocsin-canary")), 0))
    assert live.board.get("sung") is None
    assert live.board.version == 3


async def test_a_watcher_of_another_run_begins_anew(client: Client, live: Live) -> None:
    """Its versions mean nothing here: what it shows may be gone."""
    for mark in ("feed-1", "x", f"{live.run_id}-²", f"{live.run_id}-"):
        async with asyncio.timeout(30), client.get("/events", headers={"Last-Event-ID": mark}) as response:
            assert (await anext(events(response)))[0] == "reload"


async def test_what_no_longer_fits_the_search_is_told_to_go(client: Client, live: Live) -> None:
    """A watcher of a search hears of others only that they don't fit."""
    async with asyncio.timeout(30), client.get(f"/events?since={live.mark(0)}&q=onerror") as response:
        told = events(response)
        found = {data["id"]: data["html"] is not None for _, data, _ in [await anext(told) for _ in range(3)]}
    assert found == {"grave": False, 'evil"><script>': True, "over": False}


async def test_watchers_leave_when_the_server_closes(live: Live) -> None:
    """Open streams don't hold the shutdown up."""
    async with asyncio.timeout(30):
        async with TestClient(TestServer(make_app(live))) as client:
            response = await client.get(f"/events?since={live.mark(0)}")
            await anext(events(response))
        assert live.closing
