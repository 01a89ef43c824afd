"""The webhook, over real HTTP: order, retries, signature, what is left out."""

import hmac
from collections.abc import AsyncIterator

import aiohttp
import pytest
from support.alerts import alert
from support.receiver import Receiver, Request

from detectors.alert import Severity, decode_alert
from stream.alerts import Told
from stream.deliver.webhook import Webhook
from stream.settings import Settings

SECRET = "a key that both know"  # noqa: S105


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client."""
    async with aiohttp.ClientSession() as made:
        yield made


def webhook(url: str, told_until: int = 0) -> Webhook:
    """With a secret; `info` is not for it."""
    return Webhook(Settings(webhook_url=url, webhook_secret=SECRET), told_until)


def told(offset: int, severity: Severity = Severity.CRITICAL) -> Told:
    """The record at an offset; its seq is one more."""
    return Told(alert(seq=offset + 1, severity=severity), 0, offset)


def seqs(receiver: Receiver) -> list[int]:
    """Of the alerts received, in order."""
    return [decode_alert(request.body).seq for request in receiver.requests]


async def test_every_transition_in_order_signed_and_with_a_key_of_its_own(
    session: aiohttp.ClientSession,
) -> None:
    """But what whoever led before had told, and what is not grave enough."""
    with Receiver() as receiver:
        target = webhook(receiver.url, told_until=2)
        for record in (told(1), told(2), told(3, Severity.INFO), told(4, Severity.WARNING)):
            target.note(record)
        assert target.left == 2
        assert await target.tell(session, [], 0, 5)
        assert target.left == 5
        assert seqs(receiver) == [3, 5]
        first = receiver.requests[0]
    assert first.headers["idempotency-key"] == "5b0c9f2e61d84a7730aa/3"
    expected = hmac.new(SECRET.encode(), first.body, "sha256").hexdigest()
    assert first.headers["x-tocsin-signature"] == f"sha256={expected}"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_may_succeed_later_is_tried_again_and_holds_back_the_rest(
    session: aiohttp.ClientSession, status: int
) -> None:
    """At least once, in order."""
    answers = [200, status, 200, 200]

    def answer(_: Request) -> int:
        return answers.pop(0)

    with Receiver(answer) as receiver:
        target = webhook(receiver.url)
        for offset in range(3):
            target.note(told(offset))
        assert not await target.tell(session, [], 0, 3)
        assert target.left == 1
        assert await target.tell(session, [], 0, 3)
        assert seqs(receiver) == [1, 2, 2, 3]


async def test_what_is_refused_for_good_is_left_out_and_said(
    session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the transition, and never the address: it may hold a key."""
    with Receiver(lambda request: 400 if b'"seq":1,' in request.body else 200) as receiver:
        target = webhook(receiver.url)
        target.note(told(0))
        target.note(told(1))
        assert await target.tell(session, [], 0, 3)
        assert seqs(receiver) == [1, 2]
    assert "answers 400 to 5b0c9f2e61d84a7730aa/1: left out" in caplog.text
    target.note(told(2))
    assert not await target.tell(session, [], 0, 3)  # nobody listens any more
    assert "secret" not in caplog.text
