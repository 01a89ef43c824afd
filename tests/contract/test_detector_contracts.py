"""What every detector promises: input not mutated, the same result twice, a dump that loads."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.posts import cluster, hostile_feed, packs_of, records, reloaded, ring

from detectors.activity import Activity
from detectors.alert import encode_alert
from detectors.burster import Burster
from detectors.chain import Chain
from detectors.clusterer import Clusterer
from detectors.index import ClusterIndex, IndexState, rows_of
from detectors.rows import Pack
from detectors.settings import DetectorSettings
from detectors.sketcher import Sketcher

SETTINGS = DetectorSettings(max_tracked_posts=64)
POSTS = hostile_feed(81, 250)
LOG = records(POSTS)
PACKS = packs_of(SETTINGS, POSTS, 20)
ACTIVITY = cluster(SETTINGS, PACKS)
TEXTS = [post.text for post in POSTS if post.text and len(post.text) > 30]
encode = msgspec.msgpack.Encoder(enc_hook=lambda value: value.tolist()).encode


@dataclass(frozen=True)
class Detector:
    """How a detector is made, fed and handed its input."""

    make: Callable[[], Any]
    feed: Callable[[Any, Any], Any]
    inputs: Sequence[Any]


def _through_index(index: ClusterIndex, text: str) -> Any:
    outcome = index.assign(rows_of([text], exact=False))
    return [column.tolist() for column in outcome], [tuple(e) for e in index.evictions]


DETECTORS = {
    "sketcher": Detector(lambda: Sketcher(SETTINGS, 0, 1, 3), lambda s, r: s.feed([r]).packs, LOG),
    "index": Detector(lambda: ClusterIndex(32), _through_index, TEXTS),
    "clusterer": Detector(
        lambda: Clusterer(SETTINGS, 0, 1), lambda c, item: c.feed(*item), list(enumerate(PACKS))
    ),
    "burster": Detector(lambda: Burster(SETTINGS, "test"), lambda b, message: b.feed(message), ACTIVITY),
    "chain": Detector(lambda: Chain(SETTINGS, "test"), lambda c, record: c.feed([record]), LOG),
}
EACH = pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS)


def results(detector: Detector) -> list[bytes]:
    """What a fresh one gives for each input."""
    made = detector.make()
    return [encode(detector.feed(made, item)) for item in detector.inputs]


@EACH
def test_input_is_not_mutated(detector: Detector) -> None:
    """The same record may be fed to another object afterwards."""
    before = [encode(item) for item in detector.inputs]
    results(detector)
    assert [encode(item) for item in detector.inputs] == before


@EACH
def test_result_is_deterministic(detector: Detector) -> None:
    """No hidden seed, no state outside the object."""
    assert results(detector) == results(detector)


@EACH
def test_what_was_returned_is_not_changed_later(detector: Detector) -> None:
    """A result is a value: encoding it at the end gives the bytes that it had at once."""
    made = detector.make()
    returned = [
        (result, encode(result)) for result in (detector.feed(made, item) for item in detector.inputs)
    ]
    assert all(encode(result) == at_once for result, at_once in returned)


def test_result_is_the_same_in_another_process() -> None:
    """Whatever PYTHONHASHSEED: a restarted worker repeats the same bytes."""
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from support.posts import *\n"
        "from detectors.settings import DetectorSettings as S\n"
        "from hashlib import sha256\n"
        "tags = {'hashtags': [f't{i}' for i in range(90)],\n"
        "        'urls': [f'http://e.example/{i}' for i in range(90)]}\n"
        "posts = [Written(at_ms=T0_MS + i, text='the same text again and again', author=str(i), id=str(i),\n"
        "                 more={k: v[i:] + v[:i] for k, v in tags.items()}) for i in range(90)]\n"
        "s = S(max_tracked_posts=64)\n"
        "posts += hostile_feed(81, 200)\n"
        "print(sha256(b''.join(encoded(cluster(s, packs_of(s, posts, 20))))).hexdigest())\n"
    )
    root = Path(__file__).parents[2]
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, str(root), str(root / "tests")],
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2)
    }
    assert len(digests) == 1


def test_pack_and_activity_survive_their_encoding() -> None:
    """Between stages a value is bytes; nothing is lost on the way."""
    for pack in PACKS:
        assert msgspec.msgpack.decode(encode(pack), type=Pack) == pack
    for message in ACTIVITY:
        assert msgspec.json.decode(msgspec.json.encode(message), type=Activity) == message
        assert msgspec.msgpack.decode(encode(message), type=Activity) == message


def test_index_and_burster_dump_what_they_load() -> None:
    """A dump of what was loaded is the dump."""
    index = ClusterIndex(32)
    index.assign(rows_of(TEXTS, exact=False))
    state = msgspec.msgpack.decode(encode(index.dump()), type=IndexState)
    assert ClusterIndex.load(32, state).dump() == index.dump()
    burster = Burster(SETTINGS, "test")
    ring(burster, ACTIVITY)
    assert reloaded(burster, SETTINGS).dump() == burster.dump()


def test_chain_gives_what_the_stages_give() -> None:
    """The three in one process ring as the live path over one-partition topics does."""
    chain = Chain(SETTINGS, "test")
    alone = [encode_alert(alert) for record in LOG for alert in chain.feed([record])]
    assert alone == [encode_alert(alert) for alert in ring(Burster(SETTINGS, "test"), ACTIVITY)]
