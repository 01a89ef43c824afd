"""A tally as MessagePack of `activity.Snapshot`, compiled: `detectors.tallies`."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import account_tally_kernel as a
from detectors.heap_kernel import Heap
from detectors.index_arrays import Texts
from detectors.jit import kernel
from detectors.sample_kernel import (
    ARRAY,
    BYTES,
    HASHTAGS,
    LANG,
    MAP,
    NIL,
    PLATFORM,
    STRING,
    TEXT,
    URLS,
    is_redacted,
    put_bool,
    put_integer,
    put_long_size,
    put_octets,
    put_size,
    read_fields,
    sample_span,
)
from detectors.tally_kernel import (
    ACCOUNTS,
    DUE_AT,
    EXACT,
    FIRST_MS,
    KEY_BITS,
    KEYS,
    LAST_MS,
    MAX_KEYS,
    N_POSTS,
    N_REPOSTS,
    NAME,
    SHOWN,
    SLOT_BITS,
    SLOTS,
    TEXTS,
    TOLD,
    WORDING_WORDS,
    WORDINGS,
    next_snapshot_at,
    text_words,
    version_of,
)

SHOWN_KEYS: Final = 20
N_VARIANTS: Final = 10
"""Wordings that are told, the commonest first."""
MAX_EXEMPLAR_CHARS: Final = 4_000
"""Of a text that is sent on for merging; keeps a message far below Kafka's 1 MB."""
_NAME_BYTES: Final = 10
_MARGIN: Final = 1024
"""Bytes of a snapshot beside its parts, at most."""

FIELDS: Final = (
    "cluster", "partition", "version", "watermark_ms", "ingest_ms", "n_posts", "n_reposts", "first_ms",
    "last_ms", "slots", "accounts", "hyperloglog", "exemplars", "exact", "n_deleted", "details",
)  # fmt: skip
"""Of a snapshot, in the order in which they are told."""


class Teller(NamedTuple):
    """What all snapshots have in common, and work space."""

    begin: NDArray[np.uint8]
    """MessagePack of the head of a snapshot's map, its tag, and the names of `FIELDS`."""
    begins: NDArray[np.int64]
    """(len(FIELDS) + 1,): where each name begins in `begin`; what stands before the first comes first."""
    partition: int
    fields: NDArray[np.int64]
    ranked: NDArray[np.int64]
    """(2 × MAX_KEYS,)."""


@kernel
def bound_size(heap: Heap, texts: Texts, tally: NDArray[np.int64]) -> int:
    """Bytes that a snapshot of a tally takes, at most."""
    size, words = _MARGIN + 8 * (tally[TEXTS + 1] + 2 * tally[KEYS + 1] + 3 * tally[SLOTS + 1]), heap.words
    size += tally[ACCOUNTS + a.N_ROWS] * a.ROW_BYTES + 8 * a.REGISTER_WORDS
    for i in range(tally[SHOWN + 1]):
        first, last = sample_span(heap, words[tally[SHOWN] + i])
        size += last - first + 8
    for i in range(tally[WORDINGS + 1]):
        first, last = sample_span(heap, words[tally[WORDINGS] + i * WORDING_WORDS + 1])
        size += 2 * (last - first) + 16
    word = tally[TEXTS]
    while word < tally[TEXTS] + tally[TEXTS + 1]:
        place = max(words[word] - texts.base, 0)
        size += texts.starts[place + 1] - texts.starts[place] + 8
        word += text_words(words[word])
    return int(size)


@kernel
def put_snapshot(  # noqa: PLR0913, PLR0917 - as above
    heap: Heap, texts: Texts, tally: NDArray[np.int64], teller: Teller, now_ms: int, ingest_ms: int,
    out: NDArray[np.uint8], at: int,
) -> int:  # fmt: skip
    """Write a snapshot; the next one is due at the next threshold.

    Args:
        heap: Of the tally.
        texts: That stand for it.
        tally: It.
        teller: See there.
        now_ms: Event time that was reached, UTC milliseconds.
        ingest_ms: Append time of the post that caused it.
        out: Where to, with room for `bound_size`.
        at: From where on.

    Returns:
        Where it ends.
    """
    version, n_posts = version_of(tally), tally[N_POSTS]
    tally[TOLD], tally[DUE_AT] = version, next_snapshot_at(n_posts)
    at = put_octets(teller.begin, 0, teller.begins[0], out, at)
    at = _put_name(tally, out, _label(teller, 0, out, at))
    at = put_integer(teller.partition, out, _label(teller, 1, out, at))
    at = put_integer(version, out, _label(teller, 2, out, at))
    at = put_integer(now_ms, out, _label(teller, 3, out, at))
    at = put_integer(ingest_ms, out, _label(teller, 4, out, at))
    at = put_integer(n_posts, out, _label(teller, 5, out, at))
    at = put_integer(tally[N_REPOSTS], out, _label(teller, 6, out, at))
    at = put_integer(tally[FIRST_MS], out, _label(teller, 7, out, at))
    at = put_integer(tally[LAST_MS], out, _label(teller, 8, out, at))
    at = _put_slots(heap, tally, out, _label(teller, 9, out, at))
    of = tally[ACCOUNTS:]
    at = put_size(BYTES, of[a.N_ROWS] * a.ROW_BYTES, out, _label(teller, 10, out, at))
    rows = of[a.ROWS] * 8
    at = put_octets(heap.octets, rows, rows + of[a.N_ROWS] * a.ROW_BYTES, out, at)
    at = _put_registers(heap, of, out, _label(teller, 11, out, at))
    at = _put_texts(heap, texts, tally, out, _label(teller, 12, out, at))
    at = put_bool(tally[EXACT] != 0, out, _label(teller, 13, out, at))
    n_deleted = 0
    for i in range(tally[SHOWN + 1]):
        n_deleted += int(is_redacted(heap, heap.words[tally[SHOWN] + i]))
    at = put_integer(n_deleted, out, _label(teller, 14, out, at))
    begun = _label(teller, 15, out, at)
    end = _put_details(heap, tally, teller, out, begun + 5)
    put_long_size(end - begun - 5, out, begun)
    return end


@kernel
def _label(teller: Teller, field: int, out: NDArray[np.uint8], at: int) -> int:
    return int(put_octets(teller.begin, teller.begins[field], teller.begins[field + 1], out, at))


@kernel
def _put_name(tally: NDArray[np.int64], out: NDArray[np.uint8], at: int) -> int:
    """In hex."""
    out[at] = 0xA0 + 2 * _NAME_BYTES
    for i in range(2 * _NAME_BYTES):
        octet = tally[NAME + i // 16] >> (i // 2 % 8 * 8)
        digit = octet >> 4 * (1 - i % 2) & 0xF
        out[at + 1 + i] = digit + (ord("0") if digit < 10 else ord("a") - 10)
    return at + 1 + 2 * _NAME_BYTES


@kernel
def _put_slots(heap: Heap, tally: NDArray[np.int64], out: NDArray[np.uint8], at: int) -> int:
    at = put_size(ARRAY, tally[SLOTS + 1], out, at)
    for i in range(tally[SLOTS + 1]):
        word = heap.words[tally[SLOTS] + i]
        out[at] = 0x92
        at = put_integer(word >> SLOT_BITS, out, at + 1)
        at = put_integer(word & (1 << SLOT_BITS) - 1, out, at)
    return at


@kernel
def _put_registers(heap: Heap, of: NDArray[np.int64], out: NDArray[np.uint8], at: int) -> int:
    if not of[a.ESTIMATE]:
        out[at] = NIL
        return at + 1
    at, first = put_size(BYTES, 8 * a.REGISTER_WORDS, out, at), of[a.ESTIMATE] * 8
    return int(put_octets(heap.octets, first, first + 8 * a.REGISTER_WORDS, out, at))


@kernel
def _put_texts(heap: Heap, texts: Texts, tally: NDArray[np.int64], out: NDArray[np.uint8], at: int) -> int:
    head, n, word = at, 0, tally[TEXTS]
    at += 1
    while word < tally[TEXTS] + tally[TEXTS + 1]:
        number = heap.words[word]
        if number < 0:
            at = _put_text(heap.octets, (word + 1) * 8, (word + 1) * 8 - number, out, at)
        else:
            first, last = texts.starts[number - texts.base], texts.starts[number - texts.base + 1]
            at = _put_text(texts.arena, first, last, out, at)
        word += text_words(number)
        n += 1
    put_size(ARRAY, n, out, head)
    return at


@kernel
def _put_text(octets: NDArray[np.uint8], first: int, last: int, out: NDArray[np.uint8], at: int) -> int:
    """Of a text as much as is told."""
    end, n_chars = last, 0
    if last - first > MAX_EXEMPLAR_CHARS:
        end = first
        while end < last:
            n_chars += int(octets[end] & 0xC0 != 0x80)
            if n_chars > MAX_EXEMPLAR_CHARS:
                break
            end += 1
    return int(put_octets(octets, first, end, out, put_size(STRING, end - first, out, at)))


@kernel
def _put_details(
    heap: Heap, tally: NDArray[np.int64], teller: Teller, out: NDArray[np.uint8], at: int
) -> int:
    """`activity.Details`."""
    words, ranked = heap.words, teller.ranked
    out[at] = 0x97
    at = put_size(ARRAY, tally[SHOWN + 1], out, at + 1)
    for i in range(tally[SHOWN + 1]):
        at = _put_sample(heap, words[tally[SHOWN] + i], out, at)
    n = _rank_wordings(heap, tally, ranked)
    chosen = 0
    for i in range(n - 1, -1, -1):
        sample = words[ranked[i] + 1]
        chosen = chosen if is_redacted(heap, sample) else sample
    if chosen and chosen != words[tally[SHOWN]]:
        at = _put_sample(heap, chosen, out, at)
    else:
        out[at] = NIL
        at += 1
    at = put_size(ARRAY, n, out, at)
    for i in range(n):
        first, last = sample_span(heap, words[ranked[i] + 1])
        read_fields(heap.octets, first, last, teller.fields)
        out[at] = 0x92
        at = put_octets(heap.octets, teller.fields[TEXT], teller.fields[TEXT + 1], out, at + 1)
        at = put_integer(words[ranked[i] + 2], out, at)
    for kind in (HASHTAGS, URLS, PLATFORM, LANG):
        at = _put_keys(heap, tally, ranked, kind, out, at)
    return at


@kernel
def _put_sample(heap: Heap, sample: int, out: NDArray[np.uint8], at: int) -> int:
    first, last = sample_span(heap, sample)
    return int(put_octets(heap.octets, first, last, out, put_size(BYTES, last - first, out, at)))


@kernel
def _rank_wordings(heap: Heap, tally: NDArray[np.int64], ranked: NDArray[np.int64]) -> int:
    """The commonest wordings, the first of equal ones first, into `ranked`; how many."""
    words, n = heap.words, 0
    for i in range(tally[WORDINGS + 1]):
        wording = tally[WORDINGS] + i * WORDING_WORDS
        if n == N_VARIANTS:
            if words[wording + 2] <= words[ranked[n - 1] + 2]:
                continue
            n -= 1
        place = n
        while place and words[ranked[place - 1] + 2] < words[wording + 2]:
            ranked[place] = ranked[place - 1]
            place -= 1
        ranked[place] = wording
        n += 1
    return n


@kernel
def _put_keys(
    heap: Heap,
    tally: NDArray[np.int64],
    ranked: NDArray[np.int64],
    kind: int,
    out: NDArray[np.uint8],
    at: int,
) -> int:
    """The commonest keys of a kind and their counts; of equal ones those that sort first."""
    words, word, n = heap.words, tally[KEYS], 0
    end = word + tally[KEYS + 1]
    while word < end:
        head = words[word] & (1 << KEY_BITS) - 1
        if head & 3 == kind:
            place = n
            while place and _is_commoner(heap, word, ranked[place - 1]):
                ranked[place] = ranked[place - 1]
                place -= 1
            ranked[place] = word
            n = min(n + 1, SHOWN_KEYS)
        word += 1 + ((head >> 2) + 7 >> 3)
    at = put_size(MAP, n, out, at)
    for i in range(n):
        first, size = (ranked[i] + 1) * 8, (words[ranked[i]] & (1 << KEY_BITS) - 1) >> 2
        at = put_octets(heap.octets, first, first + size, out, put_size(STRING, size, out, at))
        at = put_integer(words[ranked[i]] >> KEY_BITS, out, at)
    return at


@kernel
def _is_commoner(heap: Heap, one: int, other: int) -> bool:
    words, octets = heap.words, heap.octets
    if words[one] >> KEY_BITS != words[other] >> KEY_BITS:
        return bool(words[one] >> KEY_BITS > words[other] >> KEY_BITS)
    size, size_other = (
        (words[one] & (1 << KEY_BITS) - 1) >> 2,
        (words[other] & (1 << KEY_BITS) - 1) >> 2,
    )
    for i in range(min(size, size_other)):
        mine, theirs = octets[(one + 1) * 8 + i], octets[(other + 1) * 8 + i]
        if mine != theirs:
            return bool(mine < theirs)
    return bool(size < size_other)


assert MAX_KEYS >= SHOWN_KEYS + 1  # noqa: S101 - `ranked` has room for one more than is told
