"""Sketches: bit-identical to datasketch, indifferent to batching, and honest estimates."""

import itertools
import math

import datasketch
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detectors import sketch_kernel
from detectors.normalise import normalise_batch
from detectors.sketch import (
    N_BANDS,
    N_PERM,
    ROWS,
    SEED,
    SKETCH_VERSION,
    SketchBatch,
    decode_shingles,
    exact_jaccard,
    lean_bytes,
    shingle_hash,
    shingle_set,
    signatures,
    sketch_batch,
    sketch_digest,
    warm_up,
)

_TEXTS = st.one_of(
    st.text(alphabet="ab ", max_size=12),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.text(alphabet="aéж漢😀\u0301", max_size=70),
)
_SENTENCE = (
    "the river rose overnight and every bridge in town is closed until further notice please stay home"
)
_WORDS = _SENTENCE.split()


def packed(texts: list[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Texts as blob and offsets, without normalising."""
    encoded = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def oracle(text: str) -> datasketch.MinHash:
    """What datasketch makes of a text's shingles."""
    minhash = datasketch.MinHash(num_perm=N_PERM, seed=SEED, scheme="affine32", hashfunc=shingle_hash)
    for shingle in shingle_set(text):
        minhash.update(shingle.encode())
    return minhash


def assert_equal(left: SketchBatch, right: SketchBatch) -> None:
    """Every array of two batches is the same, in type too."""
    for a, b in zip(left, right, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@settings(max_examples=300)
@given(st.lists(_TEXTS, max_size=6))
@example([])
@example(["", "a", "ab", "abc", "abcd"])
def test_signatures_equal_datasketch(texts: list[str]) -> None:
    """Each signature is bit for bit the one that datasketch computes with our hash."""
    rows = signatures(*packed(texts))
    assert rows.shape == (len(texts), N_PERM)
    assert rows.dtype == np.uint32
    for row, text in zip(rows, texts, strict=True):
        np.testing.assert_array_equal(row, oracle(text).hashvalues)


@settings(max_examples=200)
@given(_TEXTS)
def test_decoded_shingles_equal_the_public_hash(text: str) -> None:
    """The kernel's hashes are `shingle_hash` of each shingle without spaces, in order, repeats included."""
    blob, offsets = packed([text])
    out = np.zeros(len(blob), np.uint32)
    n = decode_shingles(blob, 0, int(offsets[1]), out)
    text = text.replace(" ", "")
    want = [text[i : i + 3] for i in range(max(len(text) - 2, 1))] if text else []
    assert out[:n].tolist() == [shingle_hash(shingle.encode()) for shingle in want]


@settings(max_examples=100)
@given(st.binary(max_size=40))
def test_bytes_that_are_no_text_stay_within_their_bounds(data: bytes) -> None:
    """Broken UTF-8 gives some hashes, but neither reads nor writes past its end."""
    blob = np.frombuffer(data, np.uint8)
    out = np.full(len(data) + 4, 7, np.uint32)
    n = decode_shingles(blob, 0, len(data), out)
    assert n <= len(data)
    assert (out[len(data) :] == 7).all()
    again = np.zeros(len(data) + 4, np.uint32)
    assert decode_shingles(np.frombuffer(data + b"\xbf\xbf\xbf", np.uint8), 0, len(data), again) == n
    np.testing.assert_array_equal(out[:n], again[:n])


@pytest.mark.parametrize(
    ("shingle", "want"),
    [
        ("abc", 4188087528),
        ("é", 2654158026),
        ("дом", 3192018756),
        ("漢字仮", 236678121),
        ("a😀b", 3400399971),
    ],
)
def test_shingle_hash_is_frozen(shingle: str, want: int) -> None:
    """Sketches outlive versions: these values must never change."""
    assert shingle_hash(shingle.encode()) == want


@pytest.mark.parametrize("shingle", [b"", b"abcd", "абвг".encode()])
def test_shingle_hash_refuses_what_is_no_shingle(shingle: bytes) -> None:
    """A caller that shingles by another length gets an error, not a sketch that never matches."""
    with pytest.raises(ValueError, match="1 to 3 code points"):
        shingle_hash(shingle)


@pytest.mark.parametrize(
    "alphabet",
    [
        "0123456789abcdefghijklmnopqrstuvwxyz",
        "aбbгдeжзиklmhoпpctyфxцчшщъыьэюя",
        "あいうえおかきくけこさしすせそたちつてとなにぬねの",
    ],
    ids=["latin", "russian", "kana"],
)
def test_no_two_shingles_of_an_alphabet_collide(alphabet: str) -> None:
    """Within one alphabet the hash is one to one, so similarities of real texts are exact."""
    text = "".join(map("".join, itertools.product(alphabet, repeat=3)))
    blob, _ = packed([text])
    out = np.zeros(len(blob), np.uint32)
    n = decode_shingles(blob, 0, len(blob), out)
    assert len(np.unique(out[:n])) == len(shingle_set(text))


def test_sketch_is_frozen_within_its_version() -> None:
    """Workers of two builds share packs: whoever changes these values raises `SKETCH_VERSION`."""
    sketch = sketch_batch(*packed([_SENTENCE]))
    assert SKETCH_VERSION == 2
    assert sketch.bands[0, [0, 1, 41]].tolist() == [4254957245, 3005521399, 230973002]
    assert sketch.bits[0].tolist() == [9583573189215626417, 9852572044997161971]
    assert sketch.route.tolist() == [117372434]


def test_empty_text_has_the_empty_sketch() -> None:
    """No shingle, no minimum: all ones, which datasketch too calls empty."""
    assert (signatures(*packed([""])) == 0xFFFFFFFF).all()
    sketch = sketch_batch(*packed([""]))
    assert sketch.n_chars.tolist() == [0]
    assert sketch.route.tolist() == [0xFFFFFFFF]


@settings(max_examples=100)
@given(st.lists(_TEXTS, min_size=1, max_size=8), st.data())
def test_batches_may_be_cut_anywhere(texts: list[str], data: st.DataObject) -> None:
    """A sketch depends on its text alone: any cut of a batch gives the same arrays."""
    blob, offsets = packed(texts)
    cut = data.draw(st.integers(0, len(texts)))
    parts = zip(sketch_batch(blob, offsets[: cut + 1]), sketch_batch(blob, offsets[cut:]), strict=True)
    assert_equal(sketch_batch(blob, offsets), SketchBatch(*map(np.concatenate, parts)))
    np.testing.assert_array_equal(signatures(blob, offsets)[cut:], signatures(blob, offsets[cut:]))


@settings(max_examples=100)
@given(st.lists(_TEXTS, max_size=6))
def test_sketch_is_read_off_the_signature(texts: list[str]) -> None:
    """Bits are the values' lowest bits, lengths are code points but spaces, in the documented places."""
    blob, offsets = packed(texts)
    sketch = sketch_batch(blob, offsets)
    rows = signatures(blob, offsets)
    assert [field.shape for field in sketch] == [
        (len(texts), N_BANDS),
        (len(texts), 2),
        (len(texts),),
        (len(texts),),
    ]
    assert [field.dtype for field in sketch] == [np.uint32, np.uint64, np.uint32, np.int32]
    assert sketch.n_chars.tolist() == [len(text.replace(" ", "")) for text in texts]
    for bits, row in zip(sketch.bits, rows, strict=True):
        assert [int(bits[p // 64]) >> p % 64 & 1 for p in range(N_PERM)] == (row & 1).tolist()


def test_bands_agree_exactly_where_their_rows_do() -> None:
    """A band key stands for its three values and its place, and for nothing else."""
    texts = [" ".join(_WORDS[:n]) for n in range(3, len(_WORDS) + 1)]
    blob, offsets = packed(texts)
    bands, rows = sketch_batch(blob, offsets).bands, signatures(blob, offsets)
    n_agreeing = 0
    for i, j in itertools.combinations(range(len(texts)), 2):
        same = (rows[i, : N_BANDS * ROWS] == rows[j, : N_BANDS * ROWS]).reshape(N_BANDS, ROWS).all(axis=1)
        np.testing.assert_array_equal(bands[i] == bands[j], same)
        n_agreeing += same.sum()
    assert n_agreeing > 0
    assert len(np.unique(sketch_batch(*packed([""])).bands)) == N_BANDS


def test_estimates_follow_the_exact_similarity() -> None:
    """Signatures agree in a share J of values, bits in (1 + J) / 2, within four standard errors."""
    whole = _SENTENCE
    for n in range(4, len(_WORDS)):
        part = " ".join(_WORDS[:n])
        jaccard = exact_jaccard(whole, part)
        blob, offsets = packed([whole, part])
        left, right = signatures(blob, offsets)
        bits = sketch_batch(blob, offsets).bits
        agreeing = 1 - sum(int(x).bit_count() for x in bits[0] ^ bits[1]) / N_PERM
        assert abs((left == right).mean() - jaccard) < 4 * math.sqrt(jaccard * (1 - jaccard) / N_PERM) + 0.01
        assert abs(agreeing - (1 + jaccard) / 2) < 4 * math.sqrt(0.25 / N_PERM)


def test_route_agrees_as_often_as_six_grams_do() -> None:
    """One min-hash over 6-grams: near-copies mostly share it, unlike texts never do here."""
    copies = [f"{_SENTENCE} {word}" for word in ("now", "today", "again", "ok", "friends", "all")]
    routes = sketch_batch(*packed(copies)).route
    assert len(set(routes.tolist())) <= 2
    others = sketch_batch(
        *packed(["", "a", "ab", "abc", "abcd", "abcde", "abcdef", "xyzuvw", *copies[:1]])
    ).route
    assert len(set(others.tolist())) == 9


def test_exact_jaccard_of_small_texts() -> None:
    """The reference itself, by hand."""
    assert shingle_set("") == set()
    assert shingle_set("ab") == {"ab"}
    assert shingle_set("abcd") == {"abc", "bcd"}
    assert shingle_set("a b cd") == shingle_set("ab cd") == {"abc", "bcd"}
    assert exact_jaccard("abcd", "bcde") == pytest.approx(1 / 3)
    assert exact_jaccard("ab", "abc") == 0.0
    assert exact_jaccard("", "") == 1.0


def test_exchange_form_is_read_back_by_datasketch() -> None:
    """Another program with datasketch and our hash compares its sketches with ours."""
    text = _SENTENCE
    row = signatures(*packed([text]))[0]
    back = datasketch.LeanMinHash.deserialize(lean_bytes(row), byteorder="<")
    assert back.jaccard(datasketch.LeanMinHash(oracle(text))) == 1.0


def test_plain_datasketch_compares_as_nothing() -> None:
    """The trap that the docstring names: without `shingle_hash` the same text scores 0."""
    text = _SENTENCE
    plain = datasketch.MinHash(num_perm=N_PERM, seed=SEED, scheme="affine32")
    for shingle in shingle_set(text):
        plain.update(shingle.encode())
    assert plain.jaccard(oracle(text)) == 0.0


def test_nothing_is_compiled_after_warm_up() -> None:
    """Read-only, writable, strided and misaligned arrays all meet the machine code already there."""
    warm_up()
    kernels = (sketch_kernel.sketch_texts, sketch_kernel.min_hash_batch)
    compiled = [list(k.signatures) for k in kernels]
    blob, offsets = normalise_batch(["one text", "another text"])
    want = sketch_batch(blob, offsets)
    misaligned = np.frombuffer(b"x" + offsets.tobytes(), np.int64, offset=1)
    strided = np.repeat(offsets, 2)[::2]
    for variant in (np.frombuffer(offsets.tobytes(), np.int64), misaligned, strided):
        read_only = np.frombuffer(blob.tobytes(), np.uint8)
        assert_equal(sketch_batch(read_only, variant), want)
        signatures(read_only, variant)
    assert [list(k.signatures) for k in kernels] == compiled
    assert [len(c) for c in compiled] == [1, 1]


def test_digest_covers_sketch_and_normaliser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sketches made by another rule or from texts normalised otherwise have another digest."""
    before = sketch_digest()
    assert len(before) == 8
    assert sketch_digest() == before
    with monkeypatch.context() as patch:
        patch.setattr("detectors.normalise.NORMALISER_VERSION", 99)
        assert sketch_digest() != before
    monkeypatch.setattr("detectors.sketch.SKETCH_VERSION", 99)
    assert sketch_digest() != before
