"""What is counted of clusters, compiled: `detectors.tallies`.

A tally is a row of words and, in a heap, what grows: samples of its first and latest posts, its wordings,
slots, accounts, keys that are counted (hashtags, links, platforms, languages), the texts that stand for it.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import account_tally_kernel as a
from detectors.copying import copy_bytes
from detectors.heap_kernel import Heap, with_room
from detectors.index_arrays import Texts
from detectors.jit import kernel
from detectors.sample_kernel import (
    HASHTAGS,
    LANG,
    PLATFORM,
    URLS,
    is_foldable,
    keep,
    let_go,
    n_items,
    point_at,
    read_fields,
    redact,
    sample_span,
)
from detectors.shown_kernel import span_of
from detectors.siphash_kernel import siphash

N_HEAD: Final = 5
"""First posts kept as samples."""
N_TAIL: Final = 5
"""Latest posts kept as samples."""
MAX_KEYS: Final = 64
"""Distinct variants, hashtags, links counted; later ones go uncounted."""
EVERY_UNTIL: Final = 32
"""A snapshot at each post up to this count, then at each growth by a quarter (design)."""

NUMBER: Final = 0
"""Of the cluster, which is its first exemplar's; then its id, 8 bytes and 2."""
NAME: Final = 1
EXACT: Final = 3
"""Whether it matches only itself."""
STATE: Final = 4
"""0; 1 when it was evicted and has something to tell; 2 when it is of no use any more."""
N_POSTS: Final = 5
N_REPOSTS: Final = 6
N_REDACTIONS: Final = 7
TOLD: Final = 8
"""`version_of` at the last snapshot."""
DUE_AT: Final = 9
"""Posts at which the next one is due."""
FIRST_MS: Final = 10
LAST_MS: Final = 11
SHOWN: Final = 12
"""Slot of the samples, and how many they are: so with all that follow."""
WORDINGS: Final = 14
"""Of each the hash of its normalised text, the sample of the post that first wrote it, posts."""
SLOTS: Final = 16
"""Of each its number above `SLOT_BITS` of posts, ascending."""
KEYS: Final = 18
"""Of each a word: posts, bytes, kind; and its bytes. In words."""
TEXTS: Final = 20
"""Of each its number in the index; of one that is not there its bytes, below 0, and they. In words."""
ACCOUNTS: Final = 22
"""See `account_tally_kernel`."""
N_WORDS: Final = ACCOUNTS + a.N_WORDS

SLOT_BITS: Final = 28
WORDING_WORDS: Final = 3
KEY_BITS: Final = 24
"""Of a key's word below its posts."""
MAX_KEY_BYTES: Final = 8192
MARGIN_WORDS: Final = 1 << 14
"""More than an estimate of accounts, a table of them and the keys of a post take."""


class Posts(NamedTuple):
    """Posts on their way into tallies, n rows."""

    clusters: NDArray[np.int64]
    """Of each the number of the cluster that it joins; -1: none."""
    tallies: NDArray[np.int64]
    """Of each the row of its tally; -1: it is passed over."""
    identities: NDArray[np.uint64]
    accounts: NDArray[np.uint64]
    event_ms: NDArray[np.int64]
    ingest_ms: NDArray[np.int64]
    slots: NDArray[np.int64]
    flags: NDArray[np.uint8]
    exemplars: NDArray[np.int64]
    """Its number if its text stands for its cluster, too; else -1."""
    is_deleted: NDArray[np.bool_]
    """Its text is not kept."""
    norms: NDArray[np.uint8]
    norm_starts: NDArray[np.int64]
    norm_ends: NDArray[np.int64]
    """(n,): where normalised texts begin and end in `norms`."""
    samples: NDArray[np.uint8]
    sample_starts: NDArray[np.int64]
    sample_ends: NDArray[np.int64]
    folded: NDArray[np.uint8]
    """Hashtags of those that have others than of ASCII, case-folded, as MessagePack."""
    folded_at: NDArray[np.int64]
    """Where they begin in `folded`; -1 for the others."""


class Book(NamedTuple):
    """The tallies, and work space."""

    tallies: NDArray[np.int64]
    """(capacity, N_WORDS)."""
    heap: Heap
    key: NDArray[np.uint64]
    """(2,): of hashes of texts, so that nobody can aim at collisions."""
    fields: NDArray[np.int64]
    """(N_READ,)."""
    name: NDArray[np.uint8]
    """(MAX_KEY_BYTES,): a key, filled up with zeros to whole words."""
    name_words: NDArray[np.int64]
    """The same memory."""
    touched: NDArray[np.int64]
    """(16,): keys that a post had."""


@kernel
def version_of(tally: NDArray[np.int64]) -> int:
    """Grows with every change."""
    return int(tally[N_POSTS] + tally[N_REPOSTS] + tally[N_REDACTIONS])


@kernel
def next_snapshot_at(n_posts: int) -> int:
    """Count at which the next snapshot is due: each of 2…32, then every ×1.25."""
    return n_posts + 1 if n_posts < EVERY_UNTIL else -(-n_posts * 5 // 4)


@kernel
def has_room(book: Book, tally: NDArray[np.int64], posts: Posts, row: int) -> bool:
    """Whether a post can be added before the heap is enlarged."""
    held = tally[SLOTS + 1] + tally[KEYS + 1] + tally[TEXTS + 1] + 3 * tally[ACCOUNTS + a.N_ROWS]
    n_words = 2 * held + post_bytes(posts, row) + MARGIN_WORDS
    return bool(book.heap.end[0] + n_words < len(book.heap.words))


@kernel
def post_bytes(posts: Posts, row: int) -> int:
    """Of a post's texts."""
    n_bytes = posts.sample_ends[row] - posts.sample_starts[row]
    return int(n_bytes + posts.norm_ends[row] - posts.norm_starts[row])


@kernel
def add_post(
    book: Book, texts: Texts, tally: NDArray[np.int64], posts: Posts, row: int, oldest_slot: int
) -> bool:
    """Count a post for which there is room; False: its sample is none."""
    heap, fields = book.heap, book.fields
    start, end = posts.sample_starts[row], posts.sample_ends[row]
    if not read_fields(posts.samples, start, end, fields):
        return False
    sample = keep(heap, posts.samples, start, end, posts.identities[row])
    if posts.is_deleted[row]:
        redact(heap, sample, fields)
    start, end = sample_span(heap, sample)
    read_fields(heap.octets, start, end, fields)
    tally[N_POSTS] += 1
    tally[LAST_MS] = max(tally[LAST_MS], posts.event_ms[row])
    _count_slot(heap, tally, max(posts.slots[row], oldest_slot))
    flags = int(posts.flags[row])
    a.count_account(heap, tally[ACCOUNTS:], posts.accounts[row], posts.event_ms[row] // 1000, flags)
    _show(heap, tally, sample)
    _count_wording(book, tally, posts, row, sample)
    if posts.exemplars[row] >= 0:
        start, end = posts.norm_starts[row], posts.norm_ends[row]
        add_text(heap, tally, texts.base, posts.exemplars[row], posts.norms, start, end)
    _count_one(book, tally, PLATFORM)
    _count_one(book, tally, LANG)
    if posts.folded_at[row] >= 0 and not posts.is_deleted[row]:
        _count_each(book, tally, HASHTAGS, posts.folded, posts.folded_at[row])
    else:
        _count_each(book, tally, HASHTAGS, heap.octets, fields[HASHTAGS])
    _count_each(book, tally, URLS, heap.octets, fields[URLS])
    return True


@kernel
def find_foldable(posts: Posts, first: int, last: int, fields: NDArray[np.int64]) -> int:
    """How many of posts [first, last) have hashtags of more than ASCII; these get 0 in `folded_at`."""
    n = 0
    for row in range(first, last):
        if posts.tallies[row] >= 0 and is_foldable(
            posts.samples, posts.sample_starts[row], posts.sample_ends[row], fields
        ):
            posts.folded_at[row] = 0
            n += 1
    return n


@kernel
def _count_slot(heap: Heap, tally: NDArray[np.int64], slot: int) -> None:
    at, n = tally[SLOTS], tally[SLOTS + 1]
    place = n
    while place and heap.words[at + place - 1] >> SLOT_BITS > slot:
        place -= 1
    if place and heap.words[at + place - 1] >> SLOT_BITS == slot:
        heap.words[at + place - 1] += 1
        return
    at = tally[SLOTS] = with_room(heap, at, n, 1)
    for other in range(n, place, -1):
        heap.words[at + other] = heap.words[at + other - 1]
    heap.words[at + place] = slot << SLOT_BITS | 1
    tally[SLOTS + 1] = n + 1


@kernel
def _show(heap: Heap, tally: NDArray[np.int64], sample: int) -> None:
    """Have a sample among the latest."""
    at, n = tally[SHOWN], tally[SHOWN + 1]
    point_at(heap, sample)
    if n < N_HEAD + N_TAIL:
        at = tally[SHOWN] = with_room(heap, at, n, 1)
        tally[SHOWN + 1] = n + 1
    else:
        let_go(heap, heap.words[at + N_HEAD])
        n -= 1
        for place in range(N_HEAD, n):
            heap.words[at + place] = heap.words[at + place + 1]
    heap.words[at + n] = sample


@kernel
def _count_wording(book: Book, tally: NDArray[np.int64], posts: Posts, row: int, sample: int) -> None:
    start, end = posts.norm_starts[row], posts.norm_ends[row]
    wording = np.int64(siphash(posts.norms[start:], end - start, book.key))
    words, at, n = book.heap.words, tally[WORDINGS], tally[WORDINGS + 1]
    for place in range(at, at + n * WORDING_WORDS, WORDING_WORDS):
        if words[place] == wording:
            words[place + 2] += 1
            return
    if n < MAX_KEYS:
        at = tally[WORDINGS] = with_room(book.heap, at, n * WORDING_WORDS, WORDING_WORDS)
        place = at + n * WORDING_WORDS
        words[place] = wording
        words[place + 1] = point_at(book.heap, sample)
        words[place + 2] = 1
        tally[WORDINGS + 1] = n + 1


@kernel
def add_text(
    heap: Heap,
    tally: NDArray[np.int64],
    base: int,
    number: int,
    norms: NDArray[np.uint8],
    start: int,
    end: int,
) -> None:
    """One more text that stands for the cluster: where the index has it, or else itself."""
    n_more = 1 if number >= base else 1 + (end - start + 7 >> 3)
    at = tally[TEXTS] = with_room(heap, tally[TEXTS], tally[TEXTS + 1], n_more)
    place = at + tally[TEXTS + 1]
    tally[TEXTS + 1] += n_more
    if number >= base:
        heap.words[place] = number
    else:
        heap.words[place] = start - end
        copy_bytes(norms, start, end - start, heap.octets, (place + 1) * 8)


@kernel
def text_words(word: int) -> int:
    """Words that a text takes, by its first."""
    return 1 if word >= 0 else 1 + (7 - word >> 3)


@kernel
def _count_one(book: Book, tally: NDArray[np.int64], kind: int) -> None:
    """Count the string that the sample in hand has of a kind, `und` if none."""
    octets = book.heap.octets
    first, last = span_of(octets, book.fields[kind])
    if last == first:
        book.name_words[0] = 0x646E75
        _count(book, tally, kind, 3, 0)
    else:
        _count(book, tally, kind, _name(book, octets, first, last), 0)


@kernel
def _count_each(book: Book, tally: NDArray[np.int64], kind: int, octets: NDArray[np.uint8], at: int) -> None:
    """Count each string of an array once; hashtags in any case."""
    n_touched = 0
    n = n_items(octets, at)
    at += 1
    for _ in range(n):
        first, last = span_of(octets, at)
        size = _name(book, octets, first, last)
        if kind == HASHTAGS:
            for i in range(size):
                book.name[i] += np.uint8(32 if 65 <= book.name[i] <= 90 else 0)
        n_touched = _count(book, tally, kind, size, n_touched)
        at = last


@kernel
def _name(book: Book, octets: NDArray[np.uint8], first: int, last: int) -> int:
    """Make bytes the key in hand, what is past its bound left out; how many."""
    n = min(last - first, MAX_KEY_BYTES - 8)
    book.name_words[n >> 3] = 0
    copy_bytes(octets, first, n, book.name, 0)
    return n


@kernel
def _count(book: Book, tally: NDArray[np.int64], kind: int, size: int, n_touched: int) -> int:
    """Count the key in hand unless the post had it before; how many keys the post has had."""
    words, name = book.heap.words, book.name_words
    at, n = tally[KEYS], tally[KEYS + 1]
    sought, n_words, n_kind, place = size << 2 | kind, size + 7 >> 3, 0, at
    while place < at + n:
        head = words[place] & (1 << KEY_BITS) - 1
        if head == sought:
            i = 0
            while i < n_words and words[place + 1 + i] == name[i]:
                i += 1
            if i == n_words:
                for j in range(n_touched):
                    if book.touched[j] == place - at:
                        return n_touched
                words[place] += 1 << KEY_BITS
                book.touched[n_touched] = place - at
                return n_touched + 1
        n_kind += int(head & 3 == kind)
        place += 1 + ((head >> 2) + 7 >> 3)
    if n_kind == MAX_KEYS:
        return n_touched
    at = tally[KEYS] = with_room(book.heap, at, n, 1 + n_words)
    words[at + n] = 1 << KEY_BITS | sought
    for i in range(n_words):
        words[at + n + 1 + i] = name[i]
    tally[KEYS + 1] = n + 1 + n_words
    book.touched[n_touched] = n
    return n_touched + 1
