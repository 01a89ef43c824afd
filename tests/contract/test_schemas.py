"""The documents of the contracts say what the messages are: held against real ones."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator, Draft202012Validator
from support.alerts import alert
from support.alerts import muted as muted_by

from detectors.activity import Activity, Clock, Snapshot, read_told
from detectors.alert import AlertReason, encode_alert
from detectors.burster import Burster
from detectors.chain import Chain
from detectors.clusterer import Clusterer
from detectors.post import Rejected, parse_post
from detectors.ruling import RulingKind, encode_ruled
from detectors.settings import DetectorSettings
from detectors.sketcher import RawPost, Sketcher
from stream.agents.sketch import dead_letter
from stream.cli import main
from stream.codec import encode_activity
from stream.contracts import EXAMPLE_POST, SCHEMAS, asyncapi, json_schema
from stream.kafka import TOPICS
from stream.rulings import ruling_on, undo_of
from stream.settings import Settings
from stream.stage import Record

START = datetime(2024, 5, 15, 10, 0, tzinfo=UTC)
SLOGANS = (
    "Kein Hafen für die neue Fähre: unterschreibt heute, bevor die Stadt alles verkauft! #HafenBleibt",
    "No new ferry harbour: sign today before the city sells everything it owns! #KeepTheHarbour",
)
TALK = (
    "the tram was late again and nobody said why, so I walked along the river",
    "hoy cociné lentejas con chorizo y sobró para toda la semana",
    "新しい自転車を買ったので週末は海まで走ってみようと思う",
    "ما أجمل المطر هذا المساء على سطح بيتنا القديم",
)


class _Stored(msgspec.Struct):
    """A record as a stage reads it."""

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None


def validator(contract: str) -> Draft202012Validator:
    """A validator of one kind of message."""
    return Draft202012Validator(json_schema(contract))


def a_post(number: int, text: str, account: str, after_s: float, **more: Any) -> dict[str, Any]:
    """A post as a feed writes it."""
    created = START + timedelta(seconds=after_s)
    return {
        "id": f"p{number}",
        "platform": "bluesky",
        "author": {"id": account, "created_at": int((START.timestamp() - 86_400 * 3) * 1000)},
        "created_at": created.isoformat(),
        "text": text,
    } | more


@pytest.fixture(scope="module")
def feed() -> list[dict[str, Any]]:
    """Two quiet hours of talk with a campaign in the second, a repost, an update and a deletion."""
    posts = [
        a_post(
            i,
            f"{TALK[i % 4]} {i * 7919 % 1000}",
            f"talker{i % 90}",
            i * 9.0,
            lang=("en", "es", "ja", "ar")[i % 4],
        )
        for i in range(800)
    ]
    posts += [
        a_post(
            1000 + i,
            f"{SLOGANS[i % 2]} {'!' * (i % 3)}",
            f"fresh{i % 45}",
            5400 + i * 2.0,
            urls=["https://harbour.example/sign"],
            hashtags=["HafenBleibt"],
            url=f"https://bluesky.example/{i}",
        )
        for i in range(120)
    ]
    posts.append(a_post(2000, SLOGANS[0], "reposter", 5500, repost_of="p1000"))
    posts.append(a_post(2001, "edited", "fresh1", 5501, op="update"))
    posts.append({"id": "p1000", "platform": "bluesky", "created_at": "2024-05-15T11:35:00Z", "op": "delete"})
    return sorted(posts, key=lambda post: datetime.fromisoformat(post["created_at"]))


def as_records(feed: list[dict[str, Any]]) -> list[RawPost]:
    """Posts as they stand on the topic, appended when they were written."""
    return [
        RawPost(i, round(datetime.fromisoformat(p["created_at"]).timestamp() * 1000), json.dumps(p).encode())
        for i, p in enumerate(feed)
    ]


def as_json(packed: bytes) -> Any:
    """A message of ``activity`` as its schema sees it: binary as base64."""
    return msgspec.to_builtins(msgspec.msgpack.decode(packed))


def activity_of(feed: list[dict[str, Any]]) -> Iterator[Activity]:
    """What CLUSTER says of the feed."""
    settings = DetectorSettings()
    sketcher, clusterer = Sketcher(settings, 0, 1, 1), Clusterer(settings, 0, 1)
    packs = [*sketcher.feed(as_records(feed)).packs, *sketcher.idle_tick(sketcher.last_append_ms + 3_600_000)]
    for number, (_, pack) in enumerate(packs):
        yield from read_told(clusterer.feed(number, pack))


@pytest.mark.parametrize("contract", SCHEMAS)
def test_each_schema_is_one_and_knows_its_dialect(contract: str) -> None:
    """Every schema is valid JSON Schema 2020-12, and its references resolve within it."""
    schema = json_schema(contract)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert all(resolve(schema, ref) is not None for ref in refs(schema))


def test_posts_of_a_feed_are_valid_and_read(feed: list[dict[str, Any]]) -> None:
    """What the worker accepts the schema accepts: texts, reposts, updates, deletions without text."""
    checks = validator("posts")
    for post, record in zip(feed, as_records(feed), strict=True):
        parsed = parse_post(record.value, record.timestamp, max_bytes=65_536, max_text_chars=20_000)
        assert not isinstance(parsed, Rejected)
        checks.validate(post)
    checks.validate(EXAMPLE_POST)


def test_alerts_of_a_campaign_are_valid(feed: list[dict[str, Any]]) -> None:
    """Every alert that the detectors write of a campaign, from FIRST to RESOLVED, is valid."""
    chain = Chain(DetectorSettings(), "test")
    told = [*chain.feed(as_records(feed)), *chain.end(after_s=7200)]
    assert {AlertReason.FIRST, AlertReason.GREW, AlertReason.RESOLVED} <= {one.reason for one in told}
    checks = validator("alerts")
    for one in told:
        checks.validate(json.loads(encode_alert(one)))


def test_activity_of_a_campaign_is_valid(feed: list[dict[str, Any]]) -> None:
    """Snapshots and clocks are valid as the codec writes them."""
    checks = validator("activity")
    messages = list(activity_of(feed))
    assert {type(message) for message in messages} == {Snapshot, Clock}
    burster = Burster(DetectorSettings(), "test")
    for message in messages:
        checks.validate(as_json(encode_activity(message)))
        burster.feed(message)


def test_what_people_decide_is_valid_on_its_way_in_and_out() -> None:
    """As the commands write it into ``activity``, as BURST writes it into ``rulings``, and muted alerts."""
    burster = Burster(DetectorSettings(), "test")
    muted = burster.rulings.take(ruling_on(alert(), RulingKind.MUTE, by="maria", why="x", for_s=60), [], 0, 1)
    said = burster.rulings.take(ruling_on(alert(), RulingKind.FALSE, by="maria", why="x"), [], 0, 1)
    undo = undo_of(muted[0], by="ada", why="")
    for message in (ruling_on(alert(), RulingKind.KNOWN, by="maria", why=""), undo):
        validator("activity").validate(as_json(encode_activity(message)))
    for ruled in (*said, *muted, *burster.rulings.undo(undo)):
        validator("rulings").validate(json.loads(encode_ruled(ruled)))
    assert not validator("rulings").is_valid(json.loads(encode_ruled(muted[0])) | {"kind": "perhaps"})
    until = muted_by(until=START)
    validator("alerts").validate(json.loads(encode_alert(alert(muted_by=until, reason=AlertReason.MUTED))))


def test_headers_of_a_dead_letter_are_valid() -> None:
    """The headers that SKETCH writes are valid as text."""
    record: Record = _Stored(7, 0, b"{")
    rejected = parse_post(b"{", 0, max_bytes=100, max_text_chars=100)
    assert isinstance(rejected, Rejected)
    headers = {
        name: value.decode() for name, value in dead_letter(3, RawPost(7, 0, record.value), rejected).headers
    }
    validator("dead-letter-headers").validate(headers)
    assert not validator("dead-letter-headers").is_valid(headers | {"reason": "typo"})


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"id": None}, id="id-missing"),
        pytest.param({"id": ""}, id="id-empty"),
        pytest.param({"created_at": "2024-05-15T10:21:00"}, id="time-naive"),
        pytest.param({"created_at": "2024-05-15T10:21:00Z\n"}, id="time-with-a-newline"),
        pytest.param({"created_at": 1_715_768}, id="time-in-seconds"),
        pytest.param({"created_at": 1.5}, id="time-fractional"),
        pytest.param({"observed_at": "yesterday"}, id="time-in-words"),
        pytest.param({"text": None}, id="text-missing"),
        pytest.param({"text": 7}, id="text-a-number"),
        pytest.param({"author": None}, id="author-missing"),
        pytest.param({"author": {"handle": "x"}}, id="author-without-id"),
        pytest.param({"op": "erase"}, id="op-unknown"),
        pytest.param({"platform": "Blue Sky"}, id="platform-with-a-space"),
        pytest.param({"hashtags": "one"}, id="hashtags-no-list"),
        pytest.param({"media": [{"type": "image", "phash": "xyz"}]}, id="phash-not-hex"),
    ],
)
def test_a_wrong_post_is_refused_by_schema_and_worker_alike(changes: dict[str, Any]) -> None:
    """A post the schema refuses is a dead letter, and the other way round; None takes a field out."""
    post = {key: value for key, value in (EXAMPLE_POST | changes).items() if value is not None}
    parsed = parse_post(json.dumps(post).encode(), 1_715_768_500_000, max_bytes=65_536, max_text_chars=20_000)
    assert isinstance(parsed, Rejected)
    assert not validator("posts").is_valid(post)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"id": None}, id="id-missing"),
        pytest.param({"seq": 0}, id="seq-zero"),
        pytest.param({"updated_at": "2024-05-15T10:21:00"}, id="time-naive"),
        pytest.param({"updated_at": "2024-05-15T10:21:00+02:00"}, id="time-not-utc"),
        pytest.param({"status": "resolved"}, id="resolved-without-end"),
        pytest.param({"reason": "MERGED"}, id="merged-into-nothing"),
        pytest.param({"severity": "fatal"}, id="severity-unknown"),
        pytest.param({"hashtags": ["x"] * 21}, id="hashtags-too-many"),
        pytest.param({"posts": -1}, id="posts-negative"),
    ],
)
def test_a_wrong_alert_is_refused(changes: dict[str, Any]) -> None:
    """An alert that breaks the contract is not valid; None takes a field out."""
    right = json.loads(encode_alert(alert()))
    validator("alerts").validate(right)
    wrong = {
        key: value for key, value in (right | changes).items() if key not in changes or value is not None
    }
    assert not validator("alerts").is_valid(wrong)


def test_fields_are_described_with_their_units() -> None:
    """The docstrings of fields, which carry the units, reach the schema."""
    fields = json_schema("alerts")["$defs"]["Alert"]["properties"]
    assert fields["rate_per_min"]["description"] == "Posts a minute over the last five."
    places = json_schema("activity")["$defs"]["Sample"]["prefixItems"]
    assert [place["title"] for place in places][:4] == ["platform", "lang", "hashtags", "urls"]


def refs(node: Any) -> Iterator[str]:
    """All local references within a document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from refs(child)
    elif isinstance(node, list):
        for child in node:
            yield from refs(child)


def resolve(document: Any, ref: str) -> Any:
    """What a local reference points to."""
    assert ref.startswith("#/"), ref
    for part in ref[2:].split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def test_asyncapi_describes_all_seven_topics() -> None:
    """The document is AsyncAPI 3.0 with every topic, under its name on the broker, and its retention."""
    settings = Settings(topic_prefix="prod-", posts_partitions=7, posts_retention_h=30)
    document = asyncapi(settings)
    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(document["info"])
    channels = document["channels"]
    assert {channel["address"] for channel in channels.values()} == {f"prod-{topic}" for topic in TOPICS}
    posts = channels["posts"]["bindings"]["kafka"]
    assert (posts["topic"], posts["partitions"]) == ("prod-posts", 7)
    assert posts["topicConfiguration"]["retention.ms"] == 30 * 3_600_000
    alerts = channels["alerts"]["bindings"]["kafka"]["topicConfiguration"]
    assert alerts["cleanup.policy"] == ["compact", "delete"]


def test_asyncapi_hangs_together() -> None:
    """All references resolve; each operation sends or receives messages of its own channel."""
    document = asyncapi(Settings())
    assert all(resolve(document, ref) is not None for ref in refs(document))
    used = set()
    for operation in document["operations"].values():
        assert operation["action"] in {"send", "receive"}
        channel = operation["channel"]["$ref"]
        used.add(channel)
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])
    assert used == {f"#/channels/{name}" for name in document["channels"]}
    assert {"receivePosts", "sendAlerts", "sendPostsDead"} <= set(document["operations"])


def test_asyncapi_schemas_are_of_its_dialect_and_hold_real_messages(feed: list[dict[str, Any]]) -> None:
    """AsyncAPI's schemas are JSON Schema draft 7: they too accept real messages and refuse wrong ones."""
    document = asyncapi(Settings())
    for schema in document["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
    assert '"prefixItems"' not in json.dumps(document)

    def checks(name: str) -> Draft7Validator:
        return Draft7Validator({**document, "$ref": f"#/components/schemas/{name}"})

    for message in activity_of(feed):
        checks("Activity").validate(as_json(encode_activity(message)))
    example = document["components"]["messages"]["post"]["examples"][0]["payload"]
    checks("Post").validate(example)
    assert not checks("Post").is_valid(example | {"created_at": "2024-05-15T10:21:00"})
    checks("Alert").validate(json.loads(encode_alert(alert())))


def test_the_document_holds_no_secret() -> None:
    """A password in the settings stays there."""
    settings = Settings(security_protocol="SASL_SSL", sasl_username="u", sasl_password="hunter2-xyz")  # noqa: S106
    document = asyncapi(settings)
    assert "hunter2-xyz" not in json.dumps(document)
    assert document["servers"]["kafka1"]["protocol"] == "kafka-secure"


@pytest.mark.parametrize("contract", [*SCHEMAS, "asyncapi"])
def test_the_command_prints_each_contract_as_json(contract: str) -> None:
    """`tocsin schema NAME` prints exactly that document; without a name, AsyncAPI."""
    result = CliRunner().invoke(main, ["schema", contract])
    wanted = asyncapi(Settings()) if contract == "asyncapi" else json_schema(contract)
    assert (result.exit_code, json.loads(result.stdout)) == (0, wanted)
    if contract == "asyncapi":
        assert CliRunner().invoke(main, ["schema"]).stdout == result.stdout
