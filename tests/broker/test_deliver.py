"""``tocsin deliver`` beside a live worker: the canary sings, the webhook hears all else."""

from pathlib import Path

import pytest
from support.full_path import TOCSIN, Service, on_its_own, produce
from support.receiver import Receiver
from support.scenario_feed import quiet_feed, small_campaign
from support.workers import until

from detectors.alert import Severity, decode_alert
from detectors.post import CANARY
from stream.alerts import read_alerts
from stream.embedded import EmbeddedBroker

TEXT = "Nobody will tell you what the council did with the harbour money, so we shall"
SUNG = "tocsin_canary_timestamp_seconds"


@pytest.mark.broker
@pytest.mark.timeout(240)
async def test_a_canary_rings_through_the_live_path_and_people_hear_only_of_the_campaign(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    """When it rang stands in the metric that the dead-man's switch watches; an archive keeps its time."""
    with Receiver() as receiver:
        settings = await on_its_own(
            embedded_broker,
            prefix,
            webhook_url=receiver.url,
            deliver_from="info",
            deliver_port=0,
            canary_s=3,
        )
        history = quiet_feed(150, start="2024-05-15T07:21:00Z", gap_s=70)
        campaign = small_campaign(60, text=TEXT, start="2024-05-15T10:20:00Z")
        argv = [*TOCSIN, "deliver"]
        await produce(settings, [history])
        with Service(settings, tmp_path, argv) as deliver, Service(settings, tmp_path) as worker:
            await deliver.printed("bursts stand on the topic")
            began_s = (await deliver.metrics())[SUNG]
            await produce(settings, [campaign])

            async def both_are_told() -> bool:
                heard = {decode_alert(request.body).severity for request in receiver.requests}
                return Severity.WARNING in heard and (await deliver.metrics()).get(SUNG, 0) > began_s

            await until(both_are_told, 120, lambda: f"{deliver.tail()}\n{worker.tail()}")
            deliver.terminate()
            assert await deliver.exit_code() == 0
        told = [one.alert for one in await read_alerts(settings)]
        assert CANARY in {alert.first_post.platform for alert in told}
        assert {alert.updated_at.date().isoformat() for alert in told} == {"2024-05-15"}
        heard = [decode_alert(request.body) for request in receiver.requests]
    assert {alert.first_post.text[: len(TEXT)] for alert in heard} == {TEXT}
    assert [alert.seq for alert in heard] == list(range(1, len(heard) + 1))
