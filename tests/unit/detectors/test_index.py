"""The index against an exact oracle: who may join whom, growth, eviction, dumps."""

import random
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.posts import varied, words

from detectors import index_kernel as k
from detectors.compare_kernel import (
    MASK_WORDS,
    count_bits,
    fold_bits,
    query_mask,
    set_bits,
    shared_bits,
)
from detectors.index import ClusterIndex, IndexState, rows_of
from detectors.likeness import alike
from detectors.sketch import exact_jaccard


def mixed(seed: int, n: int, n_contents: int) -> list[str]:
    """Texts of which many are copies and variants of few."""
    rng = random.Random(seed)
    contents = [words((seed, i), rng.randint(5, 40)) for i in range(n_contents)]
    texts = []
    for i in range(n):
        content = rng.choice(contents)
        n_words = len(content.split())
        texts.append(varied(content, min(rng.choice([0, 0, 1, 2, n_words // 4, n_words // 2]), n_words), i))
    return texts


def assigned(index: ClusterIndex, texts: Sequence[str], size: int) -> tuple[list[tuple[int, int]], list[int]]:
    """(cluster, bits) of each text fed in batches of `size`; and the bases of all evictions."""
    out, bases = [], []
    for start in range(0, len(texts), size):
        outcome = index.assign(rows_of(texts[start : start + size], exact=False))
        out += list(zip(outcome.clusters.tolist(), outcome.bits.tolist(), strict=True))
        bases += [evicted.base for evicted in index.evictions]
    return out, bases


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_row_is_alike_an_exemplar_of_its_cluster(seed: int) -> None:
    """LSH proposes, exact comparison decides: no row joins a cluster on an estimate."""
    texts = mixed(seed, 500, 40)
    outcome, _ = assigned(ClusterIndex(10_000), texts, 50)
    exemplars: dict[int, list[str]] = {}
    joined = 0
    for text, (cluster, bits) in zip(texts, outcome, strict=True):
        if bits & k.OPENED:
            assert cluster not in exemplars
        else:
            joined += 1
            assert any(alike(text, exemplar) for exemplar in exemplars[cluster])
        if bits & k.NEW_EXEMPLAR:
            exemplars.setdefault(cluster, []).append(text)
    assert joined > 200
    assert max(map(len, exemplars.values())) == k.MAX_EXEMPLARS


def test_near_copies_are_found() -> None:
    """Of pairs that an exact search joins at Jaccard 0.6 and more, none is missed."""
    texts = [words(i, 20) for i in range(300)]
    index = ClusterIndex(10_000)
    opened, _ = assigned(index, texts, 300)
    copies = [varied(text, 2, i) for i, text in enumerate(texts)]
    joined, _ = assigned(index, copies, 300)
    for (own, _), (cluster, _), text, copy in zip(opened, joined, texts, copies, strict=True):
        if exact_jaccard(text, copy) >= 0.6:
            assert cluster == own


def test_all_alike_clusters_are_told_and_passive_rows_enter_nothing() -> None:
    """Each once a row; rows that match only exactly find none. Rows are entered as by `assign`."""
    chain = words("alike", 40).split()
    left, hybrid, right = (" ".join(chain[first : first + 20]) for first in (0, 8, 16))
    index, twin = ClusterIndex(100), ClusterIndex(100)
    for one in (index, twin):
        assert assigned(one, [left, right, words("stranger")], 1)[0] == [
            (i, k.OPENED | k.NEW_EXEMPLAR) for i in range(3)
        ]
    _, alike = index.match(rows_of([hybrid, left], exact=False, passive=True))
    assert [sorted(c for c in row if c >= 0) for row in alike.tolist()] == [[0, 1], [0]]
    _, alike = index.match(rows_of([left], exact=True, passive=True))
    assert (alike == -1).all()
    assert len(index) == 3
    rows = rows_of([hybrid, left, words("new"), "short", "short"], exact=[False] * 3 + [True] * 2)
    outcome, _ = index.match(rows)
    assert outcome.clusters.tolist() == twin.assign(rows).clusters.tolist()
    assert msgspec.msgpack.encode(index.dump()) == msgspec.msgpack.encode(twin.dump())


@given(st.text("abcdefg äß漢😀", min_size=15, max_size=80).filter(lambda t: len(t.strip()) >= 15))
@settings(max_examples=60)
def test_identical_texts_always_meet(text: str) -> None:
    """However repetitive: a text of thirteen letters and more finds itself."""
    outcome = ClusterIndex(100).assign(rows_of([text, words(text), text], exact=False))
    assert outcome.clusters[2] == outcome.clusters[0]
    assert outcome.jaccard[2] == 1.0


@pytest.mark.parametrize("n_max", [16, 64, 100_000])
@pytest.mark.parametrize("size", [1, 7])
def test_clusters_do_not_depend_on_the_cut(n_max: int, size: int) -> None:
    """Growth and eviction come at rows, not at batches."""
    texts = mixed(5, 600, 120)
    assert assigned(ClusterIndex(n_max), texts, size) == assigned(ClusterIndex(n_max), texts, 500)


def test_a_copy_is_found_where_its_first_band_was_lost() -> None:
    """The look-up of one band is a short cut; a bucket that was full may have lost the exemplar."""
    index = ClusterIndex(100)
    rows = rows_of([words(7, 12)], exact=False)
    index.assign(rows)
    table = index._ex.table
    table[int(rows.bands[0, 0]) % len(table)] = 0
    outcome = index.assign(rows)
    assert (outcome.clusters.tolist(), outcome.jaccard.tolist(), outcome.bits.tolist()) == ([0], [1.0], [0])


def test_texts_of_equal_letters_meet_however_they_are_spaced() -> None:
    """Their bits are equal and their bytes are not, so they are compared like any."""
    index, text = ClusterIndex(100), words(7, 12)
    respaced = text.replace(" ", "", 1)
    outcome = index.assign(rows_of([text, respaced, respaced], exact=False))
    assert (outcome.clusters.tolist(), outcome.jaccard.tolist()) == ([0, 0, 0], [1.0, 1.0, 1.0])


def test_growth_forgets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that came before the index doubled six times meets its copy after it."""
    monkeypatch.setattr("detectors.index.START_EXEMPLARS", 8)
    index = ClusterIndex(10_000)
    texts = [words(i) for i in range(500)]
    first, bases = assigned(index, texts, 100)
    assert not bases
    again, _ = assigned(index, texts, 100)
    assert [cluster for cluster, _ in again] == [cluster for cluster, _ in first]


def test_eviction_takes_the_oldest_and_keeps_the_cap() -> None:
    """The index never holds more than its cap, and bases only rise."""
    index = ClusterIndex(20)
    _, bases = assigned(index, [words(i) for i in range(200)], 30)
    assert bases == sorted(bases)
    assert len(bases) > 20
    assert len(index) <= 20


def test_later_exemplars_of_an_evicted_cluster_catch_nothing() -> None:
    """They outlive their cluster for a while; copies of their text meet in a new one all the same."""
    index = ClusterIndex(16)
    text = words("drifting", 30)
    drifted = varied(text, 9, "d")
    fill = [words(i) for i in range(20)]
    (first, *_), _ = assigned(index, [text, *fill[:13]], 500)
    ((joined, bits),), _ = assigned(index, [drifted], 1)
    assert (joined, bits) == (first[0], k.NEW_EXEMPLAR)
    _, bases = assigned(index, fill[13:16], 1)
    assert bases[0] > joined
    clusters = [cluster for ((cluster, _),) in [assigned(index, [drifted], 1)[0] for _ in range(4)]]
    assert len(set(clusters)) == 1
    assert clusters[0] >= bases[-1]


def test_text_is_the_exemplars() -> None:
    """By the cluster's number, also after evictions."""
    index = ClusterIndex(8)
    texts = [words(i) for i in range(30)]
    outcome, bases = assigned(index, texts, 4)
    for (cluster, _), text in zip(outcome, texts, strict=True):
        if cluster >= bases[-1]:
            assert index.text(cluster) == text


@pytest.mark.parametrize("n_max", [24, 10_000])
def test_dumped_index_goes_on_the_same(n_max: int) -> None:
    """Through MessagePack, at every tenth row, also between evictions and with long texts."""
    texts = mixed(8, 200, 60)
    texts[50] = words("long", 3000)
    index = ClusterIndex(n_max)
    for start in range(0, 200, 10):
        packed = msgspec.msgpack.encode(index.dump())
        loaded = ClusterIndex.load(n_max, msgspec.msgpack.decode(packed, type=IndexState))
        batch = texts[start : start + 10]
        assert assigned(loaded, batch, 10) == assigned(index, batch, 10)
        assert loaded.dump() == index.dump()


def test_loaded_table_has_lost_what_the_live_one_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets that were full before the index grew lost entries; after a load they are lost too."""
    monkeypatch.setattr("detectors.index.START_EXEMPLARS", 32)
    phrase = words("a phrase that all share", 5)
    texts = [f"{phrase} {words(i, 15)}" for i in range(400)]
    index = ClusterIndex(10_000)
    assigned(index, texts, 50)
    loaded = ClusterIndex.load(10_000, index.dump())
    assert (loaded._ex.table == index._ex.table).all()
    monkeypatch.setattr("detectors.index.START_EXEMPLARS", len(index._ex.n_distinct))
    roomy = ClusterIndex(10_000)
    assigned(roomy, texts, 50)
    assert roomy._ex.table.shape == index._ex.table.shape
    assert (roomy._ex.table != 0).sum() > (index._ex.table != 0).sum()


def test_loaded_index_compares_with_long_texts() -> None:
    """Work space fits the texts that a dump brought along, not only those fed since."""
    text = words("very long", 4000)
    index = ClusterIndex(100)
    index.assign(rows_of([text], exact=False))
    loaded = ClusterIndex.load(100, index.dump())
    assert len(loaded._scratch.shingles) >= len(text.encode())
    assert loaded.assign(rows_of([text], exact=False)).clusters.tolist() == [0]


def test_exact_rows_match_only_the_same_bytes() -> None:
    """And never a text that is compared by shingles."""
    index = ClusterIndex(100)
    exact = index.assign(rows_of(["good day", "good days", "good day"], exact=True))
    assert exact.clusters.tolist() == [0, 1, 0]
    text = "good day to all of you"
    assert index.assign(rows_of([text], exact=False)).clusters.tolist() == [2]
    assert index.assign(rows_of([text], exact=True)).clusters.tolist() == [3]


def test_repost_joins_but_opens_nothing() -> None:
    """A passive row without a cluster has none; with one it changes no count."""
    index = ClusterIndex(100)
    rows = rows_of([words(1), words(2), words(1)], exact=False)
    passive = rows._replace(passive=np.array([False, True, True]))
    outcome = index.assign(passive)
    assert outcome.clusters.tolist() == [0, -1, 0]
    assert len(index) == 1


def test_identity_counts_once() -> None:
    """A feed's repeat is marked and dropped, in the batch and later; 0 is no identity."""
    index = ClusterIndex(100)
    rows = rows_of([words(1)] * 4, exact=False)
    rows = rows._replace(identities=np.array([7, 7, 0, 0], np.uint64))
    assert index.assign(rows).bits.tolist() == [k.OPENED | k.NEW_EXEMPLAR, k.REPEATED, 0, 0]
    assert index.assign(rows).bits.tolist() == [k.REPEATED, k.REPEATED, 0, 0]


def test_texts_evicted_by_a_batch_are_read_until_the_next() -> None:
    """A row before an eviction joins a cluster that is gone when the batch is done."""
    index, texts = ClusterIndex(8), [words(number, 12) for number in range(60)]
    index.assign(rows_of(texts[:5], exact=False))
    numbers = index.assign(rows_of(texts[5:], exact=False)).clusters.tolist()
    assert len(index.evictions) > 3
    assert numbers == list(range(5, 60))
    assert [index.text(number) for number in range(60)] == texts


def test_identities_survive_the_growth_of_their_set() -> None:
    """60,000 of them, twice."""
    index = ClusterIndex(100)
    rows = rows_of(["good day"] * 60_000, exact=True)
    rows = rows._replace(identities=np.arange(1, 60_001, dtype=np.uint64))
    assert int((index.assign(rows).bits == k.REPEATED).sum()) == 0
    assert int((index.assign(rows).bits == k.REPEATED).sum()) == 60_000


def test_rows_without_identity_take_no_memory() -> None:
    """BURST's index lives for weeks and feeds only such rows."""
    index = ClusterIndex(100)
    before = index.n_bytes
    for _ in range(10):
        index.assign(rows_of(["good day"] * 10_000, exact=True))
    assert index.n_bytes == before


@given(st.sets(st.integers(0, 2**32 - 1), max_size=700), st.sets(st.integers(0, 2**32 - 1), max_size=700))
def test_masks_never_rule_out_a_shared_shingle(a: set[int], b: set[int]) -> None:
    """Shared bits, and the shingles that have no bit of their own, are no fewer than shared shingles."""
    b |= set(list(a)[::2])
    masks = np.zeros((2, MASK_WORDS), np.uint64)
    for mask, shingles in zip(masks, (a, b), strict=True):
        set_bits(np.array(sorted(shingles), np.uint32), len(shingles), mask)
    assert shared_bits(masks[0], masks[1]) + len(a) - count_bits(masks[0]) >= len(a & b)


@given(st.integers(0, 2**64 - 1))
def test_bits_are_counted(word: int) -> None:
    """As Python counts them."""
    assert fold_bits(np.uint64(word)) == word.bit_count()


@pytest.mark.parametrize("n_bytes", [1, 128, 129, 4096, 100_000])
def test_scratch_set_stays_half_empty(n_bytes: int) -> None:
    """A power of two, at least twice the text."""
    size = query_mask(n_bytes) + 1
    assert size & (size - 1) == 0
    assert size >= 2 * n_bytes
