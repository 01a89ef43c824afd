"""We touch private names of Faust and of aiokafka: an upgrade that moves one must fail here, loudly.

`stream.batches` overrides Faust's; `stream.stored`, `stream.large_batch`, `stream.flat_request`,
`stream.group` and `stream.pace` touch aiokafka's.

When this fails after an upgrade: read what changed in faust/transport/consumer.py and
faust/transport/drivers/aiokafka.py (aiokafka: consumer/fetcher.py and producer/), mend these modules,
run the broker tests, then move `stream.batches.FAUST_VERSION` or `stream.stored.AIOKAFKA_VERSION`, the
pin in pyproject.toml and the signatures below.
"""

import importlib.metadata
import inspect
import re

import aiokafka
import pytest
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import TopicPartitionState
from aiokafka.producer import message_accumulator
from aiokafka.record import memory_records
from faust.app.base import App
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer, ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver
from faust.transport.utils import DefaultSchedulingStrategy
from mode import Worker

from stream import batches, stored
from stream.faust_app import NoTables

OVERRIDDEN = [
    (driver.Consumer, "_new_consumer_thread", ["self"]),
    (driver.Consumer, "_to_message", ["self", "tp", "record"]),
    (Consumer, "_add_gap", ["self", "tp", "offset_from", "offset_to"]),
    (Consumer, "_new_offset", ["self", "tp"]),
    (Consumer, "perform_seek", ["self"]),
    (Consumer, "seek", ["self", "partition", "offset"]),
    (Consumer, "on_partitions_assigned", ["self", "assigned", "generation_id"]),
    (Consumer, "on_partitions_revoked", ["self", "revoked"]),
    (Consumer, "wait_empty", ["self"]),
    (Consumer, "on_buffer_drop", ["self", "tp"]),
    (Consumer, "_wait_next_records", ["self", "timeout"]),
    (driver.AIOKafkaConsumerThread, "_create_worker_consumer", ["self", "transport"]),
    (
        driver.AIOKafkaConsumerThread,
        "_fetch_records",
        ["self", "consumer", "active_partitions", "timeout", "max_records"],
    ),
    (DefaultSchedulingStrategy, "iterate", ["self", "records"]),
    (TableManager, "on_start", ["self"]),
]
CALLED = [
    (TableManager, "_update_channels", ["self"]),
    (Consumer, "on_buffer_full", ["self", "tp"]),
    (Consumer, "maybe_wait_for_commit_to_finish", ["self"]),
    (Consumer, "commit", ["self", "topics", "start_new_transaction"]),
    (Consumer, "stop_flow", ["self"]),
    (Consumer, "_get_active_partitions", ["self"]),
    (ThreadDelegateConsumer, "earliest_offsets", ["self", "partitions"]),
    (ThreadDelegateConsumer, "assignment", ["self"]),
    (driver.AIOKafkaConsumerThread, "_ensure_consumer", ["self"]),
    (App, "crash", ["self", "reason"]),
]


@pytest.mark.parametrize(
    ("owner", "name", "parameters"), OVERRIDDEN + CALLED, ids=lambda v: getattr(v, "__name__", str(v))
)
def test_a_private_name_is_where_it_was(owner: type, name: str, parameters: list[str]) -> None:
    """The class itself defines or inherits the name, with the parameters that we rely on."""
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_faust_and_aiokafka_are_the_versions_that_were_read() -> None:
    """Another version may behave otherwise even where the names stand."""
    assert importlib.metadata.version("faust-streaming") == batches.FAUST_VERSION
    assert importlib.metadata.version("aiokafka") == stored.AIOKAFKA_VERSION


def test_the_bookkeeping_that_batches_reads_is_still_kept() -> None:
    """Faust's consumer sets these attributes in its constructor, and we read and write them."""
    source = inspect.getsource(Consumer.__init__)
    for name in (
        "_acked",
        "_acked_index",
        "_committed_offset",
        "_unacked_messages",
        "_buffered_partitions",
        "scheduler",
    ):
        assert f"self.{name} = " in source, name


def test_faust_still_hard_codes_what_the_thread_sets() -> None:
    """The aiokafka consumer keeps these settings under the names that we set before it starts."""
    consumer = inspect.getsource(aiokafka.AIOKafkaConsumer.__init__)
    started = inspect.getsource(aiokafka.AIOKafkaConsumer.start)
    for name in ("_fetch_max_wait_ms", "_fetch_min_bytes", "_isolation_level"):
        assert f"self.{name} = " in consumer
        assert f"=self.{name}" in started


def test_a_fetch_still_reads_its_pace_when_it_is_made() -> None:
    """`stream.pace` writes the two numbers while fetches run."""
    made = inspect.getsource(Fetcher._get_actions_per_node)
    assert "self._fetch_max_wait_ms" in made
    assert "self._fetch_min_bytes" in made
    assert "self._fetcher = " in inspect.getsource(aiokafka.AIOKafkaConsumer.start)


def test_what_a_fetch_brought_is_kept_where_it_can_be_changed() -> None:
    """`stream.stored` takes the bytes from aiokafka's reader, and puts batches in place of its records."""
    assert fetcher.MemoryRecords is memory_records._MemoryRecordsPy
    assert "MemoryRecords(part_data[-1])" in inspect.getsource(Fetcher._proc_fetch_request)
    assert "self._records[tp] = FetchResult(" in inspect.getsource(Fetcher._proc_fetch_request)
    assert "self._buffer = bytes_data" in inspect.getsource(memory_records._MemoryRecordsPy.__init__)
    usual = inspect.getsource(fetcher.PartitionRecords.__init__)
    assert "self._records = records" in usual
    assert "self.next_fetch_offset = fetch_offset" in usual
    # All that is asked of what we put there:
    used = re.findall(r"_partition_records\b(?:\.\w+|\)| =|:)", inspect.getsource(fetcher.FetchResult))
    assert set(used) <= {
        "_partition_records.next_fetch_offset",
        "_partition_records =",
        "_partition_records:",
    }


def test_a_batch_on_its_way_asks_its_builder_for_what_ours_has() -> None:
    """`stream.large_batch.LargeBatch` has these, its own or inherited ones that know of one message."""
    asked = set(re.findall(r"self\._builder\.(\w+)", inspect.getsource(message_accumulator.MessageBatch)))
    assert asked == {"append", "record_count", "closed", "_set_producer_state", "_build"}
    made = inspect.getsource(message_accumulator.BatchBuilder.__init__)
    for name in ("_relative_offset", "_buffer", "_closed"):
        assert f"self.{name} = " in made, name


def test_without_tables_a_start_only_skips_a_wait() -> None:
    """`stream.faust_app.NoTables` does what Faust's manager does, but for the second that it sleeps."""
    ours, theirs = (
        [line.strip() for line in inspect.getsource(kind.on_start).splitlines() if "await" in line]
        for kind in (NoTables, TableManager)
    )
    assert theirs == ["await self.sleep(1.0)", *ours]


def test_every_rebalance_ends_with_a_seek_before_the_flow_resumes() -> None:
    """Listeners hear of an assignment in ``perform_seek``: it must come first, with the flow stopped."""
    for ending in (Recovery._resume_streams, Recovery.on_recovery_completed):
        source = inspect.getsource(ending)
        assert 0 < source.index("consumer.perform_seek()") < source.index("flow_control.resume()")


def test_a_rebalance_and_a_stop_wait_through_wait_empty() -> None:
    """The bounded drain hangs on this one method."""
    for caller in (App._on_partitions_revoked, App._stop_consumer):
        assert "self._consumer_wait_empty" in inspect.getsource(caller)
    assert "await consumer.wait_empty()" in inspect.getsource(App._consumer_wait_empty)


def test_the_fetch_state_tells_position_and_ends() -> None:
    """`BatchConsumer.remaining` reads them from aiokafka's state of a partition."""
    names = [*dir(TopicPartitionState), *TopicPartitionState.__init__.__code__.co_names]
    assert {"position", "has_valid_position", "highwater", "lso"} <= set(names)


def test_the_coordinator_still_keeps_what_the_group_refused() -> None:
    """`stream.group.GroupWatch` reads these: only ``getmany`` would raise them, and Faust never calls it."""
    made = inspect.getsource(GroupCoordinator.__init__)
    for name in ("_pending_exception", "_coordination_task", "member_id"):
        assert f"self.{name} = " in made, name
    assert "self._coordinator = " in inspect.getsource(aiokafka.AIOKafkaConsumer.start)
    assert "self._pending_exception = exc" in inspect.getsource(GroupCoordinator._push_error_to_user)


def test_a_batch_looks_like_a_record_to_faust() -> None:
    """``Consumer._to_message`` reads these attributes and no others."""
    read = set(re.findall(r"record\.(\w+)", inspect.getsource(driver.Consumer._to_message)))
    assert read <= set(batches.RecordBatch.__slots__)


def test_a_worker_that_crashed_ends_with_an_error() -> None:
    """The exit code 1 of a crash comes from mode's worker, which raises the reason again."""
    assert "raise self.crash_reason" in inspect.getsource(Worker._shutdown_loop)
