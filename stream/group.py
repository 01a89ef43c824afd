"""Whether the consumer group still has us, and what to do when it refuses.

aiokafka's coordinator keeps a fatal error (a session time-out that the brokers don't allow, a
missing right) until a call of ``getmany`` takes it, and does nothing more but to raise it in a fetch
that happens to wait. Faust fetches underneath ``getmany``: its worker would stay, alive, reading
nothing. Whoever shares our `group_instance_id` causes no error at all: the two push each other out
for ever. `GroupWatch` sees both.
"""

from collections import deque
from typing import Any

from aiokafka import errors

from stream.errors import BrokerError
from stream.settings import Settings

N_EXPULSIONS = 5
EXPULSIONS_WITHIN_S = 30.0
"""A static member keeps its member id over rebalances; it gets another when its session ran out."""


class InstanceExpelledError(Exception):
    """Again and again somebody else joined with our `group_instance_id`."""


class GroupWatch:
    """Looks at the coordinator about once a second.

    Args:
        is_static: we have a `group_instance_id`.
    """

    def __init__(self, *, is_static: bool) -> None:
        self._is_static = is_static
        self._member_id = ""
        self._expelled_s: deque[float] = deque(maxlen=N_EXPULSIONS)

    def refusal(self, coordinator: Any, now_s: float) -> BaseException | None:
        """What ended our membership for good; ``None``: nothing did.

        Args:
            coordinator: aiokafka's ``GroupCoordinator``; ``None``, or one without a group: no refusal.
            now_s: monotonic.
        """
        if coordinator is None or not hasattr(coordinator, "_coordination_task"):
            return None
        return fatal_error(coordinator) or self._expulsion(coordinator.member_id, now_s)

    def _expulsion(self, member_id: str, now_s: float) -> BaseException | None:
        if not self._is_static or not member_id or member_id == self._member_id:
            return None
        if self._member_id:
            self._expelled_s.append(now_s)
        self._member_id = member_id
        is_full = len(self._expelled_s) == N_EXPULSIONS
        if is_full and now_s - self._expelled_s[0] <= EXPULSIONS_WITHIN_S:
            return InstanceExpelledError()
        return None


def fatal_error(coordinator: Any) -> BaseException | None:
    """What aiokafka's ``GroupCoordinator`` gave up with; ``None``: nothing."""
    pending: BaseException | None = coordinator._pending_exception  # noqa: SLF001
    task = coordinator._coordination_task  # noqa: SLF001
    if pending is None and task.done() and not task.cancelled():
        pending = task.exception()
    return pending


def refused(settings: Settings, error: BaseException) -> BrokerError:
    """`error` as one line that says what to check."""
    user = repr(settings.sasl_username) if settings.sasl_username else "our user"
    advice = {
        errors.InvalidSessionTimeoutError: (
            f"session_timeout_s = {settings.session_timeout_s} is outside what the brokers allow (their "
            "group.min.session.timeout.ms is 6000 by default: raise session_timeout_s)"
        ),
        errors.GroupAuthorizationFailedError: (
            f"{user} may not use it (check group, or allow READ on the group)"
        ),
        errors.InvalidGroupIdError: "the brokers don't accept its name (check group)",
        errors.InconsistentGroupProtocolError: "its other members are no workers like this one (check group)",
        InstanceExpelledError: (
            f"another worker has group_instance_id = {settings.group_instance_id!r}, too "
            "(give each worker its own)"
        ),
    }
    for kind, text in advice.items():
        if isinstance(error, kind):
            return BrokerError(f"the consumer group {settings.group!r} refuses this worker: {text}")
    # aiokafka has no name for FENCED_INSTANCE_ID, and wraps what it doesn't know.
    hint = " (check that each worker has its own group_instance_id)" if settings.group_instance_id else ""
    return BrokerError(f"the consumer group {settings.group!r} refuses this worker: {error}{hint}")
