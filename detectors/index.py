"""Leader clustering of near-identical texts: LSH proposes, exact comparison decides.

A row joins the cluster of the most similar exemplar (of at most `MAX_CHECKED` that share a
band and enough one-bit min-hashes) that is alike by `detectors.likeness`; else it opens a cluster
with itself as exemplar. Exemplars, not posts, fill the table, so the thousandth copy costs what
the second did.

Assumptions: texts are normalised; short ones come flagged `exact`. Cost: 3 to 8 µs a row on the
machine of the README, with 20,000 to 170,000 exemplars; 4 bytes × 42 bands × 1/load + text + 101
bytes an exemplar. Deterministic: the state is a function of the sequence of rows, however it was
cut; after eviction the band table is entered anew from the surviving texts in their order, and
growth splits its buckets, so it is also a function of (surviving exemplars, where it grew).

Fails: a text that joins drifts the cluster by up to four exemplars, so two campaigns bridged
by a hybrid text become one; a phrase so common that a bucket overflows is found by its other
bands only.

Source: A. Broder, "On the resemblance and containment of documents", 1997; banded LSH as in
Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", ch. 3.
"""

from collections.abc import Sequence
from itertools import accumulate, chain
from typing import NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors import identities
from detectors import index_kernel as k
from detectors.alike_kernel import match_rows
from detectors.band_table import N_MET, WAYS, split_table
from detectors.compare_kernel import HINT_BITS, MASK_WORDS, ShingleSet, slot_mask
from detectors.identities import Identities
from detectors.index_arrays import Exemplars, Norms, Outcome, Rows, Scratch, Texts
from detectors.jit import frozen
from detectors.pages import give_back, zeros
from detectors.sketch import N_BANDS, sketch_batch
from detectors.words_kernel import WordSets

START_EXEMPLARS = 16_384
"""First capacity; grown when full, up to the cap."""
GROWTH = 32
"""It grows by this part: the table is split where it stands, so small steps cost no more."""
BYTES_PER_TEXT = 192
"""Arena a slot of capacity comes with; longer texts use up capacity sooner."""
BUCKETS_PER_EXEMPLAR = 4
"""42 entries in 4 buckets of 16: 66 % full at capacity, 64 after it grew."""
MIN_SCRATCH = 4096
_PER_EXEMPLAR = ("bits", "masks", "n_distinct", "behind", "n_exemplars")


class Evicted(NamedTuple):
    """The oldest exemplars are gone: every cluster numbered below `base`."""

    base: int
    n_exemplars: int
    row: int
    """The row of the batch that needed the room."""


class IndexState(msgspec.Struct, kw_only=True):
    """All of an index but its identities; arrays as little-endian bytes."""

    base: int
    n: int
    capacity: int
    grown: list[tuple[int, int]]
    """(exemplars, capacity) at each growth since the table was entered anew."""
    bits: bytes
    masks: bytes
    starts: bytes
    arena: bytes
    n_distinct: bytes
    behind: bytes
    n_exemplars: bytes

    def __post_init__(self) -> None:
        one = _allocate(1)
        for name in _PER_EXEMPLAR:
            if len(getattr(self, name)) != self.n * getattr(one, name).nbytes:
                raise ValueError(f"{name} is not of {self.n} exemplars as this version keeps them")


class ClusterIndex:
    """Clusters are numbered by their first exemplar, ever growing over the index's life.

    Args:
        max_exemplars: Hard cap; reaching it evicts the oldest quarter.
    """

    def __init__(self, max_exemplars: int) -> None:
        self._max = max(max_exemplars, 4)
        self._state = np.array([0, 0, min(START_EXEMPLARS, self._max)], np.int64)
        self._memory = _allocate(self._max)
        self._ex = self._cut(int(self._state[2]))
        self._grown: list[tuple[int, int]] = []
        self._identities = Identities()
        self._n_identities = 0
        """Of the batch in hand."""
        self._scratch = _scratch(MIN_SCRATCH)
        self._gone: list[tuple[NDArray[np.int64], NDArray[np.uint8], int]] = []
        """Texts as they were before each eviction of the last `assign`, and the number of the first."""
        self.evictions: list[Evicted] = []
        """What the last `assign` evicted; the caller drops what it keeps by cluster."""

    def __len__(self) -> int:
        """Exemplars held."""
        return int(self._state[1])

    @property
    def end(self) -> int:
        """Number of the next exemplar."""
        return int(self._state[0] + self._state[1])

    @property
    def n_bytes(self) -> int:
        """Memory of the arrays, bytes."""
        scratch = (part if isinstance(part, tuple) else (part,) for part in self._scratch)
        arrays = (*self._ex, *chain.from_iterable(scratch))
        return int(sum(array.nbytes for array in arrays)) + self._identities.n_bytes

    def assign(self, rows: Rows) -> Outcome:
        """Assign each row in order; see `index_kernel.Outcome`.

        Raises:
            ValueError: A text is larger than the whole arena may become.
        """
        out, n_rows = self._prepare(rows), len(rows.identities)
        row = 0
        while row < n_rows:
            seen = self._identities.seen
            row, status = k.assign_rows(self._ex, rows, out, self._scratch, seen, self._state, row)
            if status == k.FULL:
                self._make_room(row, int(rows.norm_offsets[row + 1] - rows.norm_offsets[row]))
        return out

    def match(self, rows: Rows) -> tuple[Outcome, NDArray[np.int64]]:
        """Assign each row in order like `assign`, whatever its identity; passive ones enter nothing.

        Returns:
            The outcome; and int64 (rows, `MAX_CHECKED`): all clusters that the row might have joined, filled
            from the left, then -1. Rows that match only exactly find none.
        """
        out, first = self._prepare(rows), 0
        alike = np.full((len(rows.identities), k.MAX_CHECKED), -1, np.int64)
        while first < len(rows.identities):
            first, status = match_rows(self._ex, rows, out, self._scratch, self._state, alike, first)
            if status == k.FULL:
                self._make_room(first, int(rows.norm_offsets[first + 1] - rows.norm_offsets[first]))
        return out, alike

    def text(self, exemplar: int) -> str:
        """Normalised text of an exemplar by its number (a cluster's number is its first's)."""
        return self.norm(exemplar).decode()

    def norm(self, exemplar: int) -> bytes:
        """The same in UTF-8; also of one that the last `assign` evicted."""
        starts, arena, base = self._ex.starts, self._ex.arena, int(self._state[0])
        for gone in reversed(self._gone):
            if exemplar < base:
                starts, arena, base = gone
        i = exemplar - base
        return arena[starts[i] : starts[i + 1]].tobytes()

    def norms(self, exemplars: NDArray[np.int64]) -> Norms:
        """The same of many, until the next `assign`."""
        starts, base = self._ex.starts, int(self._state[0])
        if not self._gone or int(exemplars.min(initial=base)) >= base:
            places = exemplars - base
            return Norms(frozen(self._ex.arena, np.uint8), starts[places], starts[places + 1])
        norms = [self.norm(exemplar) for exemplar in exemplars.tolist()]
        bounds = np.array([0, *accumulate(map(len, norms))], np.int64)
        return Norms(frozen(np.frombuffer(b"".join(norms), np.uint8), np.uint8), bounds[:-1], bounds[1:])

    @property
    def texts(self) -> Texts:
        """All of them, until the next `assign`."""
        return Texts(self._ex.arena, self._ex.starts, int(self._state[0]))

    @property
    def gone(self) -> list[tuple[Texts, int]]:
        """Of each eviction of the last `assign` the texts before it, and the number of the first left."""
        ends = [*[base for *_, base in self._gone], int(self._state[0])][1:]
        return [
            (Texts(arena, starts, base), end)
            for (starts, arena, base), end in zip(self._gone, ends, strict=True)
        ]

    def dump(self) -> IndexState:
        """The state, from which `load` makes an index that behaves the same."""
        base, n, capacity = (int(value) for value in self._state)
        ex = self._ex
        return IndexState(
            base=base,
            n=n,
            capacity=capacity,
            grown=self._grown.copy(),
            starts=ex.starts[: n + 1].tobytes(),
            arena=ex.arena[: ex.starts[n]].tobytes(),
            **{name: getattr(ex, name)[:n].tobytes() for name in _PER_EXEMPLAR},
        )

    @classmethod
    def load(cls, max_exemplars: int, state: IndexState) -> Self:
        """The index that was dumped, without the identities it had seen."""
        index = cls(max_exemplars)
        index._state[:] = (state.base, state.n, state.capacity)
        ex = index._ex = index._cut(state.capacity)
        for name in _PER_EXEMPLAR:
            column = getattr(ex, name)
            held = np.frombuffer(getattr(state, name), column.dtype)
            column[: state.n] = held.reshape(state.n, *column.shape[1:])
        ex.starts[: state.n + 1] = np.frombuffer(state.starts, np.int64)
        ex.arena[: len(state.arena)] = np.frombuffer(state.arena, np.uint8)
        index._fit_scratch(ex.starts[: state.n + 1])
        index._grown = list(state.grown)
        index._enter_all()
        return index

    def _prepare(self, rows: Rows) -> Outcome:
        """Room for what a batch gives, its identities and its longest text."""
        n_rows = len(rows.identities)
        self.evictions, self._gone = [], []
        self._n_identities = int(np.count_nonzero(rows.identities))
        self._identities.reserve(self._n_identities)
        self._fit_scratch(rows.norm_offsets)
        return Outcome(np.empty(n_rows, np.int64), np.empty(n_rows, np.float32), np.empty(n_rows, np.uint8))

    def _fit_scratch(self, offsets: NDArray[np.int64]) -> None:
        """Work space for the longest of the texts that end at `offsets`."""
        longest = int((offsets[1:] - offsets[:-1]).max(initial=0))
        if longest > len(self._scratch.shingles):
            self._scratch = _scratch(1 << longest.bit_length())

    def _make_room(self, row: int, n_bytes: int) -> None:
        """Grow; or at the cap evict the oldest quarter and enter the rest anew."""
        base, n, capacity = (int(value) for value in self._state)
        if capacity < self._max:
            self._grown.append((n, capacity))
            self._grow(min(capacity + -(-capacity // GROWTH), self._max))
            return
        starts, arena = self._ex.starts, self._ex.arena
        if n_bytes > len(arena) // 2:
            raise ValueError(f"a text of {n_bytes} bytes does not fit an index of {self._max} exemplars")
        gone = max(n // 4, 1)
        while gone < n and int(starts[n] - starts[gone]) + n_bytes > len(arena):
            gone += max(n // 8, 1)
        gone = min(gone, n)
        self.evictions.append(Evicted(base + gone, gone, row))
        self._gone.append((starts, arena, base))
        capacity = max(n - gone, -(-int(starts[n] - starts[gone]) // BYTES_PER_TEXT), 1)
        capacity = min(capacity, self._max)
        old, self._memory = self._ex, _allocate(self._max)
        self._ex, self._grown = self._cut(capacity), []
        self._state[:] = (base + gone, n - gone, capacity)
        self._identities.forget(base + gone, base + n, self._n_identities)
        _copy(old, self._ex, gone, n)
        self._enter_all()
        give_back()

    def _cut(self, capacity: int) -> Exemplars:
        """Of the memory what a capacity takes."""
        whole = self._memory
        return Exemplars(
            table=whole.table[: capacity * BUCKETS_PER_EXEMPLAR],
            starts=whole.starts[: capacity + 1],
            arena=whole.arena[: _arena_bytes(capacity)],
            **{name: getattr(whole, name)[:capacity] for name in _PER_EXEMPLAR},
        )

    def _grow(self, capacity: int) -> None:
        """Have a larger capacity."""
        old, self._ex = self._ex, self._cut(capacity)
        self._state[2] = capacity
        split_table(self._ex.table, len(old.table), len(old.n_distinct), capacity)

    def _enter_all(self) -> None:
        """Fill the band table from the exemplars' texts, in their order, growing where it grew."""
        n, capacity, first = int(self._state[1]), int(self._state[2]), 0
        whole, steps = self._ex, [*self._grown, (n, capacity)]
        self._ex = self._cut(steps[0][1])
        for last, size in steps:
            if size > len(self._ex.n_distinct):
                self._grow(size)
            self._enter(self._ex._replace(arena=whole.arena, starts=whole.starts), first, last)
            first = last

    def _enter(self, ex: Exemplars, first: int, last: int) -> None:
        """Enter exemplars [first, last) into the band table of `ex`."""
        step = 8192
        for start in range(first, last, step):
            end = min(start + step, last)
            bands = sketch_batch(ex.arena, np.ascontiguousarray(ex.starts[start : end + 1])).bands
            k.enter_bands(ex, bands, start, end)


def rows_of(
    texts: Sequence[str], *, exact: bool | Sequence[bool], passive: bool | Sequence[bool] = False
) -> Rows:
    """Rows of normalised texts without identity, sketched here; flags are of all, or one each."""
    encoded = [text.encode() for text in texts]
    offsets = np.array([*accumulate(map(len, encoded), initial=0)], np.int64)
    blob = np.frombuffer(b"".join(encoded), np.uint8)
    sketches = sketch_batch(blob, offsets)
    n = len(texts)
    columns = (blob, sketches.bands, sketches.bits, np.zeros(n, np.uint64))
    for column in columns:  # as columns of a pack are: another signature would compile the kernel again
        column.flags.writeable = False
    blob, bands, bits, identities = columns
    flags = (np.full(n, exact, np.bool_), np.full(n, passive, np.bool_))
    return Rows(blob, offsets, bands, bits, identities, *flags)


def warm_up() -> None:
    """Compile what growth and eviction need, or load it: they come long after the first posts."""
    index = ClusterIndex(4)
    index.assign(rows_of([str(number**60) for number in range(3, 9)], exact=False))  # nothing alike
    split_table(zeros((32, WAYS), np.uint32), 16, 4, 8)
    identities.warm_up()


def _scratch(size: int) -> Scratch:
    slots, words = slot_mask(size) + 1, 2 * size
    return Scratch(
        shingles=np.empty(size, np.uint32),
        mask=np.zeros(MASK_WORDS, np.uint64),
        row_set=ShingleSet(
            keys=np.zeros(slots, np.uint64),
            visits=np.zeros(slots, np.int64),
            hints=np.zeros(1 << HINT_BITS, np.uint8),
            facts=np.zeros(3, np.int64),
        ),
        hits=np.zeros(N_BANDS * WAYS + 1, np.int64),
        agreeing=np.zeros(N_BANDS * WAYS + 1, np.int64),
        met=np.zeros(N_MET + N_BANDS, np.uint32),
        found=np.zeros(k.MAX_CHECKED, np.int64),
        agreements=np.zeros(k.MAX_CHECKED, np.int64),
        counters=np.zeros(2, np.int64),
        words=WordSets(
            np.empty(words, np.uint32),
            np.zeros(words, np.int64),
            np.empty(words, np.uint32),
            np.zeros(words, np.int64),
        ),
    )


def _arena_bytes(capacity: int) -> int:
    return max(capacity * BYTES_PER_TEXT, 1 << 20)


def _allocate(capacity: int) -> Exemplars:
    return Exemplars(
        table=zeros((capacity * BUCKETS_PER_EXEMPLAR, WAYS), np.uint32, huge=True),
        bits=zeros((capacity, 2), np.uint64),
        masks=zeros((capacity, MASK_WORDS), np.uint64),
        starts=zeros((capacity + 1,), np.int64),
        arena=zeros((_arena_bytes(capacity),), np.uint8),
        n_distinct=zeros((capacity,), np.int32),
        behind=zeros((capacity,), np.uint32),
        n_exemplars=zeros((capacity,), np.uint8),
    )


def _copy(old: Exemplars, new: Exemplars, first: int, last: int) -> None:
    """Move exemplars [first, last) to the front of `new`."""
    n = last - first
    for name in _PER_EXEMPLAR:
        getattr(new, name)[:n] = getattr(old, name)[first:last]
    start, end = int(old.starts[first]), int(old.starts[last])
    new.starts[: n + 1] = old.starts[first : last + 1] - start
    new.arena[: end - start] = old.arena[start:end]


assert N_BANDS <= BUCKETS_PER_EXEMPLAR * WAYS  # noqa: S101 - a wiring mistake, seen at import
