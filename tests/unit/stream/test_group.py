"""When the consumer group refuses a worker: what is noticed, and what is advised."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import errors

from stream.group import EXPULSIONS_WITHIN_S, N_EXPULSIONS, GroupWatch, InstanceExpelledError, refused
from stream.settings import Settings


@pytest.fixture
async def coordinator() -> AsyncIterator[Any]:
    """As much of aiokafka's as is read, in good order."""
    task = asyncio.create_task(asyncio.sleep(60))
    yield SimpleNamespace(_pending_exception=None, _coordination_task=task, member_id="m0")
    task.cancel()


async def test_a_member_in_good_order_is_not_refused(coordinator: Any) -> None:
    """Nor is a consumer that isn't made yet."""
    watch = GroupWatch(is_static=True)
    assert [watch.refusal(found, now_s) for now_s, found in enumerate((None, coordinator, coordinator))] == [
        None
    ] * 3


async def test_a_pending_error_is_a_refusal(coordinator: Any) -> None:
    """The coordinator waits for somebody to take it, and nobody does."""
    coordinator._pending_exception = error = errors.GroupAuthorizationFailedError("tocsin")
    assert GroupWatch(is_static=False).refusal(coordinator, 0) is error


async def test_the_end_of_the_coordination_is_a_refusal(coordinator: Any) -> None:
    """It runs as long as the consumer does; its error is the reason."""

    async def failing() -> None:
        raise errors.KafkaError("Unexpected error during coordination")

    coordinator._coordination_task = task = asyncio.create_task(failing())
    await asyncio.wait([task])
    assert GroupWatch(is_static=False).refusal(coordinator, 0) is task.exception()


@pytest.mark.parametrize(
    ("is_static", "gap_s", "refused_after"),
    [
        pytest.param(True, 1.0, N_EXPULSIONS, id="someone-has-our-name"),
        pytest.param(True, EXPULSIONS_WITHIN_S / 2, None, id="sessions-that-ran-out"),
        pytest.param(False, 1.0, None, id="dynamic-members-change-theirs"),
    ],
)
async def test_member_ids_that_keep_changing_mean_that_someone_has_our_instance_id(
    coordinator: Any, *, is_static: bool, gap_s: float, refused_after: int | None
) -> None:
    """Five others in 30 s; the pause without a member id between two of them counts for nothing."""
    watch, told = GroupWatch(is_static=is_static), None
    for i in range(10):
        for member_id in (f"m{i}", f"m{i}", ""):
            coordinator.member_id = member_id
            refusal = watch.refusal(coordinator, i * gap_s)
            if refusal is not None and told is None:
                assert isinstance(refusal, InstanceExpelledError)
                told = i
    assert told == refused_after


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.InvalidSessionTimeoutError(), "session_timeout_s = 3 is outside what the brokers allow"),
        (errors.GroupAuthorizationFailedError("g"), "'alice' may not use it (check group, or allow READ"),
        (errors.InvalidGroupIdError(), "check group"),
        (errors.InconsistentGroupProtocolError(), "no workers like this one (check group)"),
        (InstanceExpelledError(), "another worker has group_instance_id = 'w1', too"),
        (
            errors.KafkaError("UnknownError()"),
            "UnknownError() (check that each worker has its own",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_refusal_says_what_to_check(error: Exception, said: str) -> None:
    """One line: the group, the setting and its value."""
    settings = Settings(
        group="g",
        session_timeout_s=3,
        group_instance_id="w1",
        security_protocol="SASL_SSL",
        sasl_username="alice",
        sasl_password="secret",  # noqa: S106 (nobody's)
    )
    text = str(refused(settings, error))
    assert text.startswith("the consumer group 'g' refuses this worker: ")
    assert said in text
    assert "\n" not in text
