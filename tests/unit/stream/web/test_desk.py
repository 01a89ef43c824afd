"""Decisions on the page: what a form does, and whose forms do nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest
from aiohttp.test_utils import TestClient, TestServer
from support.alerts import alert, muted

from detectors.alert import Severity
from detectors.ruling import Ruled, Ruling, RulingKind, Undo
from detectors.rulings import Rulings
from stream.alerts import Told
from stream.errors import BrokerError
from stream.settings import Settings
from stream.web import server
from stream.web.board import Board
from stream.web.desk import COOKIE, Desk
from stream.web.live import MAX_RULINGS, Live
from stream.web.server import make_app

Client = TestClient[Any, Any]
BURST = "5b0c9f2e61d84a7730aa"


class Worker:
    """Takes decisions as BURST does and tells the page, a moment later."""

    def __init__(self, live: Live) -> None:
        self.live, self.rulings, self.taken = live, Rulings(), list[Ruling | Undo]()
        self.is_away = False

    async def append(self, decision: Ruling | Undo) -> None:
        """The log takes it."""
        if self.is_away:
            raise BrokerError("Kafka can't be used")
        self.taken.append(decision)
        asyncio.get_running_loop().call_soon(self._burst, decision)

    def _burst(self, decision: Ruling | Undo) -> None:
        if isinstance(decision, Undo):
            changed = self.rulings.undo(decision)
        else:
            changed = self.rulings.take(decision, [], 0, 1_715_768_469_000)
        for ruled in changed:
            self.live.keep(ruled)
        self.live._wake()


@pytest.fixture
def worker() -> Worker:
    """With a page that knows one burst."""
    live = Live(Board())
    live.board.add(Told(alert(id=BURST), 1_715_768_469_000))
    return Worker(live)


async def serve(worker: Worker, **changes: Any) -> AsyncIterator[Client]:
    """A client of a page with a desk."""
    settings = Settings(**changes)
    app = make_app(worker.live, Desk(settings, settings.page_url, worker.append))
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture
async def client(worker: Worker) -> AsyncIterator[Client]:
    """On this machine: people type who they are."""
    async for client in serve(worker):
        yield client


async def send(
    client: Client, path: str = f"/bursts/{BURST}/rule", headers: dict[str, str] | None = None, **fields: str
) -> tuple[int, dict[str, Any]]:
    """Load the burst's page, then send a form as our script does; `fields` and `headers` replace its own."""
    async with client.get(f"/bursts/{BURST}") as response:
        assert response.status == 200
    token = client.session.cookie_jar.filter_cookies(client.make_url("/"))[COOKIE].value
    form = {"token": token, "by": "maria", "why": "an app", "for_s": "7200", "kind": "mute"} | fields
    origin = str(client.make_url("/")).rstrip("/")
    sent = {"Origin": origin, "Sec-Fetch-Site": "same-origin", "Accept": "application/json"} | (headers or {})
    sent = {name: value for name, value in sent.items() if value}
    async with client.post(path, data=form, headers=sent, allow_redirects=False) as response:
        return response.status, await response.json()


async def test_a_mute_is_decided_shown_and_undone(client: Client, worker: Worker) -> None:
    """The form's words stand in the log, on the burst's page, in the list and in the JSON."""
    status, told = await send(client)
    assert (status, told["taken"]) == (200, True)
    assert told["said"].startswith("muted until 2024-05-15 12:2")
    (ruling,) = worker.taken
    assert isinstance(ruling, Ruling)
    assert (ruling.kind, ruling.burst, ruling.by, ruling.why, ruling.for_s) == (
        RulingKind.MUTE,
        BURST,
        "maria",
        "an app",
        7200,
    )
    for path in (f"/bursts/{BURST}", "/rulings"):
        async with client.get(path) as response:
            html = await response.text()
        assert "<b>muted</b> until 2024-05-15 12:2" in html
        assert f'action="/rulings/{ruling.id}/undo"' in html
    status, told = await send(client, f"/rulings/{ruling.id}/undo", kind="", for_s="", by="ada", why="over")
    assert (status, told["said"].split(",")[0]) == (200, "ended by ada")
    async with client.get("/api/rulings") as response:
        listed = await response.json()
    assert [(one["id"], one["ended"]["by"]) for one in listed["rulings"]] == [(ruling.id, "ada")]
    async with client.get("/api/openapi.json") as response:
        document = await response.json()
    schema = {"$ref": "#/components/schemas/Rulings", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(listed)
    assert (await send(client, f"/rulings/{ruling.id}/undo"))[0] == 404


@pytest.mark.parametrize("kind", [kind for kind in RulingKind if kind is not RulingKind.MUTE])
async def test_every_kind_has_its_button(client: Client, worker: Worker, kind: RulingKind) -> None:
    """Known templates and verdicts have no length."""
    async with client.get(f"/bursts/{BURST}/detail") as response:
        assert f'name="kind" value="{kind}"' in await response.text()
    assert (await send(client, kind=kind.value))[0] == 200
    assert [(one.kind, one.for_s) for one in worker.taken if isinstance(one, Ruling)] == [(kind, 0)]


async def test_without_script_a_form_leads_back_to_its_burst(client: Client, worker: Worker) -> None:
    """303: a reload does not decide again."""
    async with client.get(f"/bursts/{BURST}") as response:
        token = response.cookies[COOKIE].value
        assert response.cookies[COOKIE]["samesite"] == "Strict"
        assert response.cookies[COOKIE]["httponly"]
        assert response.headers["Referrer-Policy"] == "same-origin"  # with none at all, no Origin would come
    form = {"token": token, "by": "maria", "why": "", "for_s": "60", "kind": "mute"}
    headers = {"Origin": str(client.make_url("/")).rstrip("/")}
    async with client.post(
        f"/bursts/{BURST}/rule", data=form, headers=headers, allow_redirects=False
    ) as response:
        assert (response.status, response.headers["Location"]) == (303, f"/bursts/{BURST}")
    assert len(worker.taken) == 1


FOREIGN = "https://evil.example"


@pytest.mark.parametrize(
    ("headers", "fields", "status"),
    [
        pytest.param({"Origin": FOREIGN}, {}, 403, id="another-site"),
        pytest.param({"Origin": FOREIGN, "Host": "evil.example"}, {}, 403, id="dns-rebinding"),
        pytest.param({"Origin": "null"}, {}, 403, id="a-sandboxed-frame"),
        pytest.param({"Origin": ""}, {}, 403, id="no-origin"),
        pytest.param({"Origin": "http://["}, {}, 403, id="a-broken-origin"),
        pytest.param({"Origin": "http://127.0.0.1:1"}, {}, 403, id="another-port"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, {}, 403, id="a-neighbour"),
        pytest.param({"Cookie": ""}, {"token": "0" * 32}, 403, id="a-token-of-theirs"),
        pytest.param({}, {"token": ""}, 403, id="no-token"),
        pytest.param({"Content-Type": "text/plain"}, {}, 415, id="no-form"),
        pytest.param({}, {"why": "x" * 20_000}, 413, id="too-large"),
        pytest.param({}, {"kind": "wipe"}, 400, id="kind-unknown"),
        pytest.param({}, {"more": "1"}, 400, id="field-unknown"),
        pytest.param({}, {"for_s": "9e9"}, 400, id="length-no-number"),
        pytest.param({}, {"for_s": "0"}, 400, id="length-none"),
        pytest.param({}, {"for_s": "99999999"}, 400, id="length-for-ever"),
        pytest.param({}, {"by": " \u202e"}, 400, id="nobody"),
    ],
)
async def test_other_forms_do_nothing(
    client: Client, worker: Worker, headers: dict[str, str], fields: dict[str, str], status: int
) -> None:
    """Refused with a reason, and nothing stands in the log."""
    answer, told = await send(client, headers=headers, **fields)
    assert (answer, bool(told["error"])) == (status, True)
    assert worker.taken == []


async def test_a_known_host_name_is_the_page_url_s(worker: Worker) -> None:
    """Behind a proxy the browser's origin is the proxy's."""
    async for client in serve(worker, page_url="https://tocsin.example"):
        assert (await send(client, headers={"Origin": "https://tocsin.example"}))[0] == 200
        assert (await send(client, headers={"Origin": "https://tocsin.example.evil"}))[0] == 403


async def test_a_proxy_says_who_it_is_and_nobody_types_a_name(worker: Worker) -> None:
    """Its header counts, the form's field does not; without the header nothing is decided."""
    async for client in serve(worker, web_user_header="X-Forwarded-User", web_host="0.0.0.0"):  # noqa: S104
        assert (await send(client, headers={"X-Forwarded-User": "ada"}, by="maria"))[0] == 200
        assert [one.by for one in worker.taken] == ["ada"]
        status, told = await send(client)
        assert (status, told["error"]) == (403, "The proxy names nobody in X-Forwarded-User.")
        async with client.get(f"/bursts/{BURST}", headers={"X-Forwarded-User": "<i>ada"}) as response:
            html = await response.text()
        assert "As <b>&lt;i&gt;ada</b>" in html
        assert 'name="by"' not in html


async def test_beyond_this_machine_nobody_decides_unless_the_settings_say_so(worker: Worker) -> None:
    """No buttons, and a form that is sent all the same does nothing."""
    async for client in serve(worker, web_host="0.0.0.0"):  # noqa: S104
        async with client.get(f"/bursts/{BURST}") as response:
            assert "<form class=" not in (await response.text()).replace('class="search"', "")
            assert COOKIE not in response.cookies
        async with client.post(f"/bursts/{BURST}/rule", data={"kind": "mute"}) as response:
            assert response.status == 403
    assert worker.taken == []
    async for client in serve(worker, web_host="0.0.0.0", web_typed_names=True):  # noqa: S104
        assert (await send(client))[0] == 200


async def test_what_no_worker_takes_is_said_so(
    client: Client, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked is not muted; and a broker that is away is told as that."""
    monkeypatch.setattr(server, "_TAKEN_S", 0.05)
    monkeypatch.setattr(worker, "_burst", lambda _decision: None)
    assert (await send(client))[1] == {
        "said": "asked; it holds as soon as a worker has read it",
        "taken": False,
    }
    worker.is_away = True
    status, told = await send(client)
    assert (status, told["error"]) == (503, "Kafka can't be used")


async def test_a_burst_muted_by_another_s_ruling_says_by_which(client: Client, worker: Worker) -> None:
    """A near-copy's page shows the ruling that covers it, and can undo it."""
    await send(client)
    (ruling,) = worker.taken
    assert isinstance(ruling, Ruling)
    covered = alert(id="near", muted_by=muted(ruling=ruling.id))
    worker.live.board.add(Told(covered, 1_715_768_470_000))
    async with client.get("/bursts/near") as response:
        html = await response.text()
    assert f'action="/rulings/{ruling.id}/undo"' in html
    assert 'class="burst critical muted"' in html


def test_what_the_page_knows_of_rulings_is_bounded() -> None:
    """What ended goes first, the oldest first."""
    live = Live(Board())
    for number in range(MAX_RULINGS + 2):
        live.keep(a_ruling(f"{number}"))
    assert len(live.rulings) == MAX_RULINGS
    assert "0" not in live.rulings
    assert f"{MAX_RULINGS + 1}" in live.rulings


def a_ruling(name: str) -> Ruled:
    """Some mute."""
    return Ruled(
        id=name,
        kind=RulingKind.MUTE,
        burst=name,
        text="",
        severity=Severity.INFO,
        by="maria",
        why="",
        at_ms=0,
    )
