"""From posts to notifications, with a real Alertmanager and the routes we ship."""

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from support.alertmanager import SHIPPED, AlertmanagerProcess, People
from support.alerts import alert, muted, post
from support.full_path import TOCSIN, Log, Service, by_reader_rule, on_its_own, processed, produce
from support.mailbox import mail_server
from support.receiver import Receiver
from support.scenario_feed import short_feed
from support.workers import until

from detectors.alert import AlertReason, Severity, encode_alert
from stream import kafka
from stream.embedded import EmbeddedBroker
from stream.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

DELIVER = [*TOCSIN, "deliver"]
FIRES, OVER = "firing", "resolved"
PATIENCE_S = 60.0
FIRST, GREW, RESOLVED = AlertReason.FIRST, AlertReason.GREW, AlertReason.RESOLVED


@pytest.fixture
def people() -> Iterator[People]:
    """Those who are notified."""
    with Receiver() as receiver:
        yield People(receiver)


@pytest.fixture
def alertmanager(people: People, tmp_path: Path) -> Iterator[AlertmanagerProcess]:
    """A running Alertmanager."""
    with AlertmanagerProcess(tmp_path, people) as running:
        yield running


@pytest.fixture
async def settings(
    embedded_broker: EmbeddedBroker, prefix: str, alertmanager: AlertmanagerProcess
) -> Settings:
    """Topics of their own, one partition each, and a delivery in a hurry."""
    return await on_its_own(
        embedded_broker,
        prefix,
        alertmanager_urls=alertmanager.url,
        alertmanager_resend_s=1,
        alertmanager_least_s=4,
        rise_wait_s=2,
        pages_an_hour=100,
        deliver_port=0,
        page_url="https://tocsin.example",
    )


class Teller:
    """Writes alerts to the topic, as a worker would."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._topic, self._producer = kafka.topic_name(settings, kafka.ALERTS), producer
        self._seqs: Counter[str] = Counter()

    async def tell(self, name: str, reason: AlertReason, severity: Severity, **more: Any) -> None:
        """The next transition of a burst."""
        self._seqs[name] += 1
        status = OVER if reason in {RESOLVED, AlertReason.MERGED} else FIRES
        said = alert(id=name, seq=self._seqs[name], reason=reason, severity=severity, status=status, **more)
        await self._producer.send_and_wait(self._topic, encode_alert(said), name.encode())


@pytest.fixture
async def teller(settings: Settings) -> AsyncIterator[Teller]:
    """Something that tells alerts."""
    async with AIOKafkaProducer(**kafka.client_kwargs(settings)) as producer:
        yield Teller(settings, producer)


async def heard(people: People, burst: str, *expected: tuple[str, str]) -> None:
    """Wait until a burst's notifications are these."""
    await until(lambda: len(people.of(burst)) >= len(expected), PATIENCE_S, lambda: str(people.notified))
    assert people.of(burst) == list(expected)


async def quiet_for(people: People, seconds: float) -> None:
    """Nobody is notified for so long: several resends and group intervals."""
    before = list(people.notified)
    await asyncio.sleep(seconds)
    assert people.notified == before


async def settled(people: People, seconds: float) -> None:
    """Wait until nobody has been notified for so long: what is slight is told after what is grave."""
    async with asyncio.timeout(PATIENCE_S):
        before: list[Any] = [None]
        while before != people.notified:
            before = list(people.notified)
            await asyncio.sleep(seconds)


def test_the_shipped_configuration_is_valid() -> None:
    """With its templates, by Alertmanager's own checker."""
    done = subprocess.run(
        ["amtool", "check-config", str(SHIPPED)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 templates" in done.stdout


async def test_a_replayed_campaign_is_paged_once_a_burst_and_resolved_once(
    settings: Settings, people: People, tmp_path: Path
) -> None:
    """Each critical burst one page and one end; a worker that is killed amid it is not heard."""
    feed = short_feed()
    with Service(settings, tmp_path, DELIVER) as deliver:
        await deliver.printed("this process leads")
        with Service(settings, tmp_path) as killed:
            await produce(settings, [feed.values[: len(feed.values) // 2]])
            await until(
                lambda: sum(n.receiver == "page" for n in people.notified) == 2,
                2 * PATIENCE_S,
                lambda: f"{people.notified}\n{killed.tail()}",
            )
            killed.kill()
        with Service(settings, tmp_path) as worker:
            await produce(settings, [[*feed.values[len(feed.values) // 2 :], feed.ends[0]]])
            await processed([worker], feed.end_ms)
        async with Log(settings, kafka.ALERTS) as log:
            stories = by_reader_rule(await log.alerts())
        rang = {name: max(a.severity.rank for a in story) for name, story in stories.items()}
        critical = {name for name, rank in rang.items() if rank == Severity.CRITICAL.rank}
        loud = {name for name, rank in rang.items() if rank >= Severity.WARNING.rank}
        assert len(critical) == 2

        def told(status: str) -> list[tuple[str, str]]:
            return [(n.receiver, n.burst) for n in people.notified if n.status == status]

        def all_over() -> bool:
            return set(told(FIRES)) == set(told(OVER)) >= {("page", name) for name in critical}

        await until(all_over, PATIENCE_S, lambda: f"{people.notified}\n{deliver.tail()}")
        await settled(people, 6)
    for status in (FIRES, OVER):
        assert len(set(told(status))) == len(told(status))
        assert {burst for receiver, burst in told(status) if receiver == "page"} == critical
        assert {burst for _, burst in told(status)} <= loud
    assert set(told(FIRES)) == set(told(OVER))


async def test_a_rise_is_one_more_notification_and_a_killed_leader_is_replaced_in_silence(
    settings: Settings, teller: Teller, people: People, tmp_path: Path
) -> None:
    """Warning to chat, critical to the page, each end once; growth, a merge and a restart say nothing.

    The second leader would not have told the warning yet, and asks Alertmanager who did.
    """
    patient = settings.model_copy(update={"rise_wait_s": 3600})
    with Service(settings, tmp_path, DELIVER) as leader:
        await leader.printed("this process leads")
        await teller.tell("a", FIRST, Severity.WARNING)
        await heard(people, "a", ("chat", FIRES))
        with Service(patient, tmp_path, DELIVER) as second:
            await second.printed("serving /metrics")
            leader.kill()
            await second.printed("this process leads", 90)
            await quiet_for(people, 3)
            await teller.tell("a", GREW, Severity.WARNING, posts=400)
            await teller.tell("a", GREW, Severity.CRITICAL, posts=500)
            await heard(people, "a", ("chat", FIRES), ("page", FIRES))
            assert "500 posts" in people.notified[-1].summary
            await teller.tell("b", FIRST, Severity.CRITICAL)
            await heard(people, "b", ("page", FIRES))
            await teller.tell("b", AlertReason.MERGED, Severity.CRITICAL, merged_into="a")
            await quiet_for(people, 3)
            await teller.tell("a", RESOLVED, Severity.CRITICAL)
            await until(lambda: len(people.of("a")) == 4, PATIENCE_S, lambda: str(people.notified))
            await heard(people, "b", ("page", FIRES), ("page", OVER))
    assert sorted(people.of("a")[2:]) == [("chat", OVER), ("page", OVER)]


async def test_each_severity_that_stood_for_itself_is_told_once_and_its_end_once(
    settings: Settings, teller: Teller, people: People, tmp_path: Path
) -> None:
    """However many bursts rise and end in one breath; what rose or merged at once is told by one alone.

    A leader that is killed between leaves nothing untold and has nothing told again.
    """
    chat, page = [("chat", FIRES)], [("page", FIRES)]
    slight, warned, quick, grave, merged = (
        [f"{kind}-{number:02}" for number in range(20)]
        for kind in ("slight", "warned", "quick", "grave", "merged")
    )

    async def heard_all(expected: dict[str, list[tuple[str, str]]]) -> None:
        def told() -> dict[str, list[tuple[str, str]]]:
            return {name: sorted(people.of(name)) for name in expected}

        await until(lambda: told() == expected, PATIENCE_S, lambda: str(Counter(people.notified)))

    with Service(settings, tmp_path, DELIVER) as leader:
        await leader.printed("this process leads")
        for name in [*slight, *warned, *quick]:
            await teller.tell(name, FIRST, Severity.WARNING)
        for name in quick:
            await teller.tell(name, GREW, Severity.CRITICAL)
        for name in grave:
            await teller.tell(name, FIRST, Severity.CRITICAL)
        for name, into in zip(merged, slight, strict=True):
            await teller.tell(name, FIRST, Severity.WARNING)
            await teller.tell(name, AlertReason.MERGED, Severity.WARNING, merged_into=into)
        began = dict.fromkeys([*slight, *warned], chat) | dict.fromkeys([*quick, *grave], page)
        await heard_all(began)
        leader.kill()
    with Service(settings, tmp_path, DELIVER) as second:
        await second.printed("this process leads", 90)
        for name in warned:
            await teller.tell(name, GREW, Severity.CRITICAL)
        await heard_all(began | dict.fromkeys(warned, chat + page))
        for name in [*warned, *slight, *quick, *grave]:
            await teller.tell(name, RESOLVED, Severity.CRITICAL)
        over = {
            name: sorted([*told, *((receiver, OVER) for receiver, _ in told)])
            for name, told in (began | dict.fromkeys(warned, chat + page)).items()
        }
        await heard_all(over)
        await quiet_for(people, 3)
    assert {n.burst for n in people.notified} == over.keys()


async def test_slack_and_mail_get_the_words_of_strangers_and_none_of_their_commands(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    """By the receivers that we ship: what Slack would obey is escaped, mail is plain text."""
    hostile = post("<!channel> <b>free</b> & \u202egnp.exe {{ .Labels }} buy it now and tell nobody")
    more: dict[str, Any] = {"exemplar": hostile, "first_post": hostile, "samples": [hostile]}
    async with mail_server() as mailbox:
        with (
            Receiver() as slack,
            AlertmanagerProcess(tmp_path, People(slack), mailbox.address) as alertmanager,
        ):
            settings = await on_its_own(
                embedded_broker,
                prefix,
                alertmanager_urls=alertmanager.url,
                alertmanager_resend_s=1,
                rise_wait_s=1,
                deliver_port=0,
            )
            with Service(settings, tmp_path, DELIVER) as deliver:
                await deliver.printed("this process leads")
                async with AIOKafkaProducer(**kafka.client_kwargs(settings)) as producer:
                    teller = Teller(settings, producer)
                    await teller.tell("a", FIRST, Severity.WARNING, **more)
                    await teller.tell("b", FIRST, Severity.CRITICAL, **more)
                await until(lambda: bool(slack.requests and mailbox.mails), PATIENCE_S, deliver.tail)
    (said,) = json.loads(slack.requests[0].body)["attachments"]
    assert said["title"].startswith("WARNING rings: “&lt;!channel&gt; &lt;b&gt;free&lt;/b&gt; &amp; gnp.exe")
    assert "<" not in said["title"] + said["text"]
    assert "{{ .Labels }} buy it now" in said["text"]
    assert said["mrkdwn_in"] == ["pretext"]
    assert "pretext" not in said
    (mail,) = mailbox.mails
    assert mail["subject"].startswith("CRITICAL rings: “<!channel> <b>free</b> & gnp.exe")
    assert [part.get_content_type() for part in mail.walk() if not part.is_multipart()] == ["text/plain"]
    assert "What next" in mail.get_body().get_content()


async def test_a_mute_ends_the_page_and_an_unmute_pages_again(
    settings: Settings, teller: Teller, people: People, tmp_path: Path
) -> None:
    """What grows, ends, or begins while it is muted is told to nobody, by a new leader neither."""
    mute = muted()
    with Service(settings, tmp_path, DELIVER) as leader:
        await leader.printed("this process leads")
        await teller.tell("a", FIRST, Severity.CRITICAL)
        await heard(people, "a", ("page", FIRES))
        await teller.tell("a", AlertReason.MUTED, Severity.CRITICAL, muted_by=mute)
        await teller.tell("quiet", FIRST, Severity.CRITICAL, muted_by=mute)
        await heard(people, "a", ("page", FIRES), ("page", OVER))
        assert "muted" in people.notified[-1].summary
        await teller.tell("a", GREW, Severity.CRITICAL, posts=500, muted_by=mute)
        await quiet_for(people, 3)
        leader.terminate()
    with Service(settings, tmp_path, DELIVER) as second:
        await second.printed("this process leads", 90)
        await quiet_for(people, 3)
        await teller.tell("a", AlertReason.UNMUTED, Severity.CRITICAL)
        await teller.tell("quiet", RESOLVED, Severity.CRITICAL, muted_by=mute)
        await heard(people, "a", ("page", FIRES), ("page", OVER), ("page", FIRES))
        await teller.tell("a", RESOLVED, Severity.CRITICAL)
        await heard(people, "a", ("page", FIRES), ("page", OVER), ("page", FIRES), ("page", OVER))
        await quiet_for(people, 3)
    assert people.of("quiet") == []


@pytest.mark.parametrize(
    "outage_s",
    [
        pytest.param(60.0, id="a-minute"),
        pytest.param(600.0, id="ten-minutes", marks=[pytest.mark.e2e_long, pytest.mark.timeout(1200)]),
    ],
)
async def test_nothing_is_lost_while_alertmanager_is_down(
    outage_s: float,
    settings: Settings,
    teller: Teller,
    people: People,
    alertmanager: AlertmanagerProcess,
    tmp_path: Path,
) -> None:
    """A burst that came and went meanwhile is told as both; one that was known and ended, as over."""
    with Service(settings, tmp_path, DELIVER) as deliver:
        await deliver.printed("this process leads")
        await teller.tell("before", FIRST, Severity.CRITICAL)
        await heard(people, "before", ("page", FIRES))
        alertmanager.stop()
        await teller.tell("before", RESOLVED, Severity.CRITICAL)
        await teller.tell("meanwhile", FIRST, Severity.CRITICAL)
        await teller.tell("meanwhile", RESOLVED, Severity.CRITICAL)
        await deliver.printed("can't be told")
        deliver.kill()
    with Service(settings, tmp_path, DELIVER) as deliver:
        await deliver.printed("can't be told")
        await asyncio.sleep(outage_s)  # what is tested, not a hope
        assert (
            max(
                value
                for name, value in (await deliver.metrics()).items()
                if name.startswith("tocsin_deliver_behind_seconds")
            )
            > outage_s / 2
        )
        alertmanager.start()
        await heard(people, "meanwhile", ("page", FIRES), ("page", OVER))
        await heard(people, "before", ("page", FIRES), ("page", OVER))
        await quiet_for(people, 3)
