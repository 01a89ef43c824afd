"""Batches that wait are joined, and nothing is lost or told twice by it."""

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream.batches import Batch
from stream.waiting import Tick, Waiting, Work

MOST = 6


def event(start: int, first: int, end: int) -> Any:
    """A batch event with the records [first, end), looked for from `start` on."""
    return SimpleNamespace(value=Batch(start, [SimpleNamespace(offset=at) for at in range(first, end)]))


async def taken(waiting: Waiting) -> list[Work | Tick]:
    """All that waits."""
    items = []
    while waiting:
        items.append(await waiting.get())
    return items


def offsets(work: Work) -> list[int]:
    """Of its records."""
    return [] if work.batch is None else [record.offset for record in work.batch.records]


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 1), st.booleans(), st.booleans()), max_size=12))
async def test_joined_or_not_the_same_records_come_in_order(
    batches: list[tuple[int, int, bool, bool]],
) -> None:
    """Batches of any sizes, with gaps, some not to be joined, some taken meanwhile."""
    waiting, at = Waiting(MOST), 0
    put: list[Any] = []
    items: list[Work | Tick] = []
    for size, gap, join, take in batches:
        put.append(event(at + gap, at + gap, at + gap + size))
        waiting.put(put[-1], join=join)
        at += gap + size
        if take:
            items.append(await waiting.get())
    n_taken = sum(len(item.events) for item in items if isinstance(item, Work))
    assert waiting.n_batches == len(put) - n_taken
    items += await taken(waiting)
    assert waiting.n_batches == 0
    works = [item for item in items if isinstance(item, Work)]
    assert [one for work in works for one in work.events] == put
    assert [at for work in works for at in offsets(work)] == [
        record.offset for one in put for record in one.value.records
    ]
    for work in works:
        assert offsets(work) == list(range(work.offset, work.offset + len(offsets(work))))
        assert len(offsets(work)) <= MOST or len(work.events) == 1


async def test_a_batch_joins_only_the_one_just_before_it() -> None:
    """Not across an order to open, nor one that is taken, nor a gap; a hole in the log is none."""
    waiting = Waiting(MOST)
    waiting.put(event(0, 0, 2), join=True)
    waiting.put(event(2, 3, 5), join=True)
    waiting.add(Work(5))
    waiting.put(event(5, 5, 6), join=True)
    waiting.put(event(8, 8, 9), join=True)
    assert waiting.n_batches == 4
    items = await taken(waiting)
    waiting.put(event(9, 9, 10), join=True)
    items += await taken(waiting)
    assert [offsets(item) for item in items if isinstance(item, Work)] == [[0, 1, 3, 4], [], [5], [8], [9]]


async def test_clearing_gives_back_the_events_and_leaves_nothing_to_join() -> None:
    """What is let go of is read again."""
    waiting, first, second = Waiting(MOST), event(0, 0, 2), event(2, 2, 4)
    waiting.put(first, join=True)
    waiting.put(second, join=True)
    waiting.add(Tick(1))
    assert waiting.clear() == [first, second]
    assert (bool(waiting), waiting.n_batches) == (False, 0)
    waiting.put(event(4, 4, 5), join=True)
    assert [offsets(item) for item in await taken(waiting) if isinstance(item, Work)] == [[4]]
