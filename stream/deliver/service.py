"""``tocsin deliver``: reads topic ``alerts``, keeps every Alertmanager told.

Several may run. The group ``<group>-deliver`` elects: who is given the topic's one partition
leads, the rest stand by. The leader reads ``alerts`` from its start without a group, so what it
tells is a function of the log; the group's committed offset says how far every target was told.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import aclosing, suppress

import aiohttp
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from detectors.alert import Severity
from stream import kafka
from stream.alerts import Told, is_canary, open_alerts
from stream.deliver.alertmanager import Alertmanager
from stream.deliver.book import Book
from stream.deliver.canary import sing
from stream.deliver.metrics import DeliveryMetrics
from stream.deliver.notices import notices
from stream.deliver.webhook import Webhook
from stream.errors import BrokerError, SettingsError
from stream.health import HealthServer
from stream.settings import Settings

STEP_S = 0.25
"""How long news may wait for company before it is told."""
LONGEST_BACKOFF_S = 15.0

log = logging.getLogger(__name__)


class Delivery:
    """One process's part in delivery.

    Args:
        settings: `alertmanager_urls` must name one at least.

    Raises:
        SettingsError: No target is set.
        TocsinError: The port for metrics is taken.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.alertmanagers and not settings.webhook_url:
            raise SettingsError(
                "nowhere to deliver to: set alertmanager_urls, such as "
                "TOCSIN_ALERTMANAGER_URLS=http://alertmanager:9093, or webhook_url"
            )
        self._settings = settings
        self._stop = asyncio.Event()
        self._partition = TopicPartition(kafka.topic_name(settings, kafka.ALERTS), 0)
        self._leads = asyncio.Event()
        self._joined = False
        self.metrics = DeliveryMetrics([target.name for target in self._targets(0)], settings.canary_s)
        self.health = HealthServer(
            self.metrics.registry, settings.metrics_host, settings.deliver_port, lambda: self._joined
        )

    def _targets(self, told_until: int) -> list[Alertmanager | Webhook]:
        settings = self._settings
        webhook = [Webhook(settings, told_until)] if settings.webhook_url else []
        return [*(Alertmanager(url, settings, told_until) for url in settings.alertmanagers), *webhook]

    def stop(self) -> None:
        """Have `run` return soon; what a target was not told, the next leader tells."""
        self._stop.set()

    async def run(self) -> None:
        """Deliver until `stop`.

        Raises:
            BrokerError: The broker can't be reached at the start.
            TopicError: Topic ``alerts`` is missing.
        """
        self.health.start()
        log.info("serving /metrics, /healthz and /readyz on port %d", self.health.port)
        async with open_alerts(self._settings):
            pass  # a missing broker or topic is told before anything starts
        consumer = AIOKafkaConsumer(
            **kafka.client_kwargs(self._settings),
            group_id=f"{self._settings.group}-deliver",
            enable_auto_commit=False,
            auto_offset_reset="latest",
            session_timeout_ms=int(self._settings.session_timeout_s * 1000),
            heartbeat_interval_ms=int(self._settings.session_timeout_s * 1000 / 3),
        )
        async with kafka.connected(consumer, self._settings):
            consumer.subscribe([self._partition.topic], listener=_Election(self._elected))
            async with asyncio.TaskGroup() as tasks:
                polling = tasks.create_task(self._stay_in_group(consumer))
                while not self._stop.is_set():
                    self.health.beat()
                    if self._leads.is_set():
                        await self._lead(consumer)
                    else:
                        await self._sleep(STEP_S)
                polling.cancel()

    def _elected(self, partitions: Iterable[TopicPartition]) -> None:
        leads = self._partition in set(partitions)
        log.info("this process %s", "leads: it delivers" if leads else "stands by")
        self._joined = True
        self.metrics.leading.set(leads)
        (self._leads.set if leads else self._leads.clear)()

    async def _stay_in_group(self, consumer: AIOKafkaConsumer) -> None:
        """A member must poll; what it would be given is read elsewhere, from the start."""
        while True:
            consumer.pause(*consumer.assignment())
            await consumer.getmany(timeout_ms=100)
            await asyncio.sleep(1)

    async def _lead(self, consumer: AIOKafkaConsumer) -> None:
        settings = self._settings
        told_until = await consumer.committed(self._partition)
        book = Book(settings.late_digest_s)
        async with open_alerts(settings) as alerts, aiohttp.ClientSession() as session:
            held = await alerts.catch_up()
            if told_until is None:  # nobody ever delivered: what is over is history
                told_until = held[-1].offset + 1 if held else 0
            targets = self._targets(told_until)

            def take(told: Told) -> None:
                book.take(told)
                if is_canary(told.alert):
                    self.metrics.canary.set(told.append_ms / 1000)
                    return
                for target in targets:
                    target.note(told)

            self.metrics.canary.set_to_current_time()  # the first is due from now on, not since 1970
            for told in held:
                take(told)
            log.info("%d bursts stand on the topic, told up to offset %d", len(book), told_until)
            news = asyncio.Event()

            async def follow() -> None:
                async with aclosing(alerts.follow()) as more:
                    async for told in more:
                        take(told)
                        news.set()

            tasks = [asyncio.create_task(follow())]
            if settings.canary_s:
                tasks.append(asyncio.create_task(sing(settings)))
            try:
                await self._keep_told(consumer, session, targets, book, news, tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self.metrics.top.show(())  # who leads now shows them

    async def _keep_told(
        self,
        consumer: AIOKafkaConsumer,
        session: aiohttp.ClientSession,
        targets: list[Alertmanager | Webhook],
        book: Book,
        news: asyncio.Event,
        tasks: "list[asyncio.Task[None]]",
    ) -> None:
        settings, committed, backoff_s = self._settings, -1, STEP_S
        behind_since: dict[str, float] = {}
        while self._leads.is_set() and not self._stop.is_set():
            self.health.beat()
            for task in tasks:
                if task.done():
                    task.result()
                    raise BrokerError("topic alerts is no longer read")
            news.clear()
            end, now_ms = book.end, time.time_ns() // 1_000_000
            book.forget(now_ms)
            owed = notices(book, settings, now_ms)
            taken = await asyncio.gather(*(target.tell(session, owed, now_ms, end) for target in targets))
            for target, ok in zip(targets, taken, strict=True):
                self.metrics.attempts.labels(target.name, "ok" if ok else "failed").inc()
                began = behind_since.setdefault(target.name, time.monotonic())
                if ok:
                    del behind_since[target.name]
                self.metrics.behind.labels(target.name).set(0 if ok else time.monotonic() - began)
            self._tell_firing(book)
            left = min(target.left for target in targets)
            if left > committed:
                await consumer.commit({self._partition: left})
                committed = left
            if not all(taken):
                wait_s, backoff_s = backoff_s, min(2 * backoff_s, LONGEST_BACKOFF_S)
            elif left < end:  # something waits, or its end is held back
                wait_s, backoff_s = 1.0, STEP_S
            else:
                wait_s, backoff_s = float(settings.alertmanager_resend_s), STEP_S
            await self._wait_for(news, wait_s)

    def _tell_firing(self, book: Book) -> None:
        ringing = [story.alert for story in book if not book.is_over(story.alert)]
        firing = Counter(alert.severity for alert in ringing)
        for severity in Severity:
            self.metrics.firing.labels(severity.value).set(firing[severity])
        self.metrics.top.show(a for a in ringing if a.status == "firing" and not is_canary(a))

    async def _wait_for(self, news: asyncio.Event, seconds: float) -> None:
        """Until there is news (that had a moment for company), or time is over, or we stop or don't lead."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._leads.is_set() and not self._stop.is_set():
            self.health.beat()
            await self._sleep(min(STEP_S, seconds))
            if news.is_set():
                return

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)


class _Election(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, elected: Callable[[Iterable[TopicPartition]], None]) -> None:
        self._elected = elected

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        if list(revoked):
            self._elected([])

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._elected(assigned)
