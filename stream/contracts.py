"""The contracts as documents, generated from the types that read and write the messages.

`json_schema` gives JSON Schema (2020-12) of one kind of message, `asyncapi` an AsyncAPI 3.0
document of all seven topics. Descriptions are the types' own docstrings; `_AMENDMENTS` says what
the types leave to code, and the contract tests hold both against real messages.
"""

import ast
import inspect
from collections.abc import Callable, Iterator
from datetime import datetime
from textwrap import dedent
from typing import Any, get_args, get_type_hints

import msgspec

from detectors import activity, alert, alert_builder, post, rows, ruling
from detectors.post import EARLIEST_MS, LATEST_MS, Reason
from stream import kafka
from stream.detection import VERSION
from stream.settings import Settings
from stream.topic_specs import TopicSpec, specs

Schema = dict[str, Any]

SCHEMAS = {
    "posts": post.Post,
    "alerts": alert.Alert,
    "activity": activity.Told,
    "rulings": ruling.Ruled,
    "dead-letter-headers": None,
}
"""Contract → the type it is generated from; headers are text and have none."""
_PACKED: dict[str, list[type]] = {"activity": [activity.Details, rows.Sample]}
"""Types that a contract holds as bytes."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MODULES = (post, alert, activity, rows, ruling)
_ZONED = r"([Zz]|[+-][0-9]{2}:?[0-9]{2})$(?!\n)"
_UTC = r"Z$(?!\n)"

EXAMPLE_POST: Schema = {
    "id": "at://did:plc:abc/app.bsky.feed.post/3k",
    "platform": "bluesky",
    "author": {"id": "did:plc:abc", "handle": "maria.example", "created_at": "2024-05-02T08:00:00Z"},
    "created_at": "2024-05-15T12:21:08+02:00",
    "observed_at": 1_715_768_469_120,
    "text": "Good morning from the harbour #sunrise",
    "lang": "en",
    "hashtags": ["sunrise"],
}


def json_schema(contract: str) -> Schema:
    """JSON Schema (2020-12) of the messages named `contract`, one of `SCHEMAS`."""
    title = f"Tocsin {contract}"
    if contract == "dead-letter-headers":
        return {"$schema": DIALECT, "title": title, **_dead_letter_headers()}
    top, components = schema_parts(contract, "#/$defs/{name}")
    return {"$schema": DIALECT, "title": title, **top, "$defs": components}


def schema_parts(contract: str, ref_template: str) -> tuple[Schema, dict[str, Schema]]:
    """The schema of `contract` and those it refers to, by name, where `ref_template` says they are."""
    kinds = [SCHEMAS[contract], *_PACKED.get(contract, [])]
    (top, *_), components = msgspec.json.schema_components(kinds, ref_template=ref_template)
    # OpenAPI's word, none of JSON Schema's; the `type` of each alternative tells as much.
    for node in _nodes(top):
        node.pop("discriminator", None)
    for name, schema in components.items():
        _describe(schema, _type(name))
        _mark_times(schema, _type(name))
    for node in _nodes(components):
        if node.get("format") == "date-time":
            node["pattern"] = _ZONED if contract == "posts" else _UTC
    for name, amend in _AMENDMENTS.items():
        if name in components:
            amend(components[name])
    return top, components


def _type(name: str) -> type:
    found: type = next(getattr(module, name) for module in _MODULES if hasattr(module, name))
    return found


def _describe(schema: Schema, kind: type) -> None:
    """Put the field docstrings of `kind` into its schema, and names on the places of an array."""
    if "description" in schema:
        schema["description"] = schema["description"].replace("``", "`")
    docs = _field_docs(kind)
    for name, doc in docs.items():
        if name in schema.get("properties", {}):
            field = schema["properties"][name]
            # Beside a $ref older readers ignore it, newer ones show it.
            field["description"] = doc
    if "prefixItems" in schema:
        names: tuple[str, ...] = getattr(kind, "__struct_fields__", ()) or getattr(kind, "_fields", ())
        for name, item in zip(names, schema["prefixItems"], strict=True):
            item["title"] = name
            if name in docs:
                item["description"] = docs[name]


def _mark_times(schema: Schema, kind: type) -> None:
    """A time is a date-time; msgspec says so only where naive ones are refused by type."""
    hints = get_type_hints(kind)
    for name, field in schema.get("properties", {}).items():
        hint = hints.get(name)
        if datetime in (hint, *get_args(hint)):
            for choice in field.get("anyOf", [field]):
                if choice.get("type") == "string":
                    choice["format"] = "date-time"


def _field_docs(kind: type) -> dict[str, str]:
    """The string that follows each field in the source of `kind`."""
    (body,) = ast.parse(dedent(inspect.getsource(kind))).body
    if not isinstance(body, ast.ClassDef):
        return {}
    docs = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            docs[field.target.id] = " ".join(str(after.value.value).replace("``", "`").split())
    return docs


def _nodes(schema: Any) -> Iterator[Schema]:
    """Every object within a schema, itself included."""
    if isinstance(schema, dict):
        yield schema
    for child in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(child, dict | list):
            yield from _nodes(child)


# --- what the types leave to code ----------------------------------------------------------


def _amend_post(schema: Schema) -> None:
    for name in ("created_at", "observed_at"):
        for choice in schema["properties"][name]["anyOf"]:
            if choice.get("type") == "integer":
                choice |= {"minimum": EARLIEST_MS, "maximum": LATEST_MS - 1}
    schema["properties"]["text"]["description"] = (
        "At most max_text_chars code points (see the settings); the whole record at most max_post_bytes."
    )
    schema["if"] = {"properties": {"op": {"const": "delete"}}, "required": ["op"]}
    schema["else"] = {
        "required": ["author", "text"],
        "properties": {"author": {"type": "object"}, "text": {"type": "string"}},
    }


def _amend_alert(schema: Schema) -> None:
    fields = schema["properties"]
    fields["seq"]["minimum"] = 1
    for name in ("late", "posts", "reposts", "accounts", "rate_per_min", "baseline_per_min", "novelty"):
        fields[name]["minimum"] = 0
    for name in ("samples", "variants"):
        fields[name]["maxItems"] = alert_builder.N_SAMPLES
    for name in ("hashtags", "urls"):
        fields[name]["maxItems"] = alert_builder.N_KEYS
    fields["signature"]["contentEncoding"] = "base64"
    schema["allOf"] = [
        _when("status", "resolved", {"required": ["ends_at"], "properties": {"ends_at": {"type": "string"}}}),
        _when(
            "reason",
            "MERGED",
            {"required": ["merged_into"], "properties": {"merged_into": {"type": "string"}}},
        ),
    ]


def _amend_coordination(schema: Schema) -> None:
    schema["properties"]["score"] |= {"minimum": 0, "maximum": 1}


def _when(field: str, value: str, then: Schema) -> Schema:
    return {"if": {"properties": {field: {"const": value}}, "required": [field]}, "then": then}


_AMENDMENTS: dict[str, Callable[[Schema], None]] = {
    "Post": _amend_post,
    "Alert": _amend_alert,
    "Coordination": _amend_coordination,
}


def _dead_letter_headers() -> Schema:
    number = {"type": "string", "pattern": "^[0-9]+$"}
    return {
        "description": "Headers of a dead letter, each UTF-8 text; its value is the rejected record's bytes.",
        "type": "object",
        "properties": {
            "reason": {"enum": [reason.value for reason in Reason]},
            "detail": {"type": "string", "description": "The field or limit; never quotes the content."},
            "topic": {"type": "string", "description": "Topic of the record, without prefix."},
            "partition": {**number, "description": "Its partition, decimal."},
            "offset": {**number, "description": "Its offset, decimal."},
        },
        "required": ["reason", "topic", "partition", "offset"],
    }


# --- AsyncAPI ------------------------------------------------------------------------------

_BINDING = "0.5.0"
_OPAQUE: Schema = {"type": "string", "format": "binary"}
_TEXT_KEY = {"type": "string"}

_TOPICS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # Topic → its message, what it is and how long it is kept, what Tocsin does there.
    kafka.POSTS: (
        "post",
        (
            "Posts of all feeds, one JSON object a record, under any key. Producers set no timestamp: "
            "retention goes by append time. Personal data, kept for posts_retention_h."
        ),
        ("receive",),
    ),
    kafka.SKETCHES: (
        "pack",
        (
            "Internal: sketched posts in packs, accounts as keyed hashes. Kept for stages_retention_h, which "
            "a restart needs."
        ),
        ("send", "receive"),
    ),
    kafka.ACTIVITY: (
        "activity",
        (
            "Internal: snapshots of clusters and clocks, many in a record, and what people decide, in "
            "MessagePack; where the schema says base64 its binary type stands. A snapshot is cumulative: the "
            "highest version of a cluster holds. Kept for stages_retention_h, which a restart needs."
        ),
        ("send", "receive"),
    ),
    kafka.ALERTS: (
        "alert",
        (
            "One record a transition of a burst, keyed by burst id. Delivered at least once: readers ignore "
            "a seq at or below the highest seen of the id. Compacted: the last record of each burst stays."
        ),
        ("send", "receive"),
    ),
    kafka.DEAD: (
        "deadLetter",
        (
            "Records of posts that are no posts: the original bytes as value, the reason in headers. "
            "Personal data, kept for dead_retention_h."
        ),
        ("send",),
    ),
    kafka.BURST_STATE: (
        "state",
        (
            "Internal: checkpoints (burst/…), beginnings of epochs (epoch/…), notes on crashes (crash/…). "
            "Compacted by key."
        ),
        ("send", "receive"),
    ),
    kafka.RULINGS: (
        "ruling",
        (
            "What people decided (mutes, known templates, verdicts) and what became of it, keyed by ruling. "
            "Compacted: the last word on each ruling stays for good, its quotation of a post too."
        ),
        ("send", "receive"),
    ),
}


def asyncapi(settings: Settings) -> Schema:
    """The AsyncAPI 3.0 document of a deployment: topics as `settings` name and make them."""
    document: Schema = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tocsin",
            "version": VERSION,
            "description": "Rings when many accounts suddenly say the same thing: posts in, alerts out.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(settings),
        "channels": {},
        "operations": {},
        "components": {"messages": _messages(), "schemas": _schemas()},
    }
    for spec in specs(settings):
        message, description, actions = _TOPICS[spec.topic]
        name = _camel(spec.topic)
        document["channels"][name] = _channel(settings, spec, message, description)
        for action in actions:
            document["operations"][action + name[0].upper() + name[1:]] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{message}"}],
            }
    return document


def _servers(settings: Settings) -> Schema:
    is_secure = settings.security_protocol != "PLAINTEXT"
    server = {
        "protocol": "kafka-secure" if is_secure else "kafka",
        "description": f"security protocol {settings.security_protocol}",
    }
    return {
        f"kafka{number}": {"host": host, **server}
        for number, host in enumerate(settings.bootstrap_servers, start=1)
    }


def _channel(settings: Settings, spec: TopicSpec, message: str, description: str) -> Schema:
    address = kafka.topic_name(settings, spec.topic)
    binding: Schema = {
        "topic": address,
        "partitions": spec.partitions,
        "topicConfiguration": {"cleanup.policy": spec.config["cleanup.policy"].split(",")},
        "bindingVersion": _BINDING,
    }
    for key in ("retention.ms", "max.message.bytes"):
        if key in spec.config:
            binding["topicConfiguration"][key] = int(spec.config[key])
    if settings.replication_factor > 0:
        binding["replicas"] = settings.replication_factor
    return {
        "address": address,
        "description": f"{description} Timestamps: message.timestamp.type = LogAppendTime.",
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {"kafka": binding},
    }


def _messages() -> Schema:
    post_key = {"type": "string", "description": "Any, or none."}
    burst_key = {"type": "string", "description": "The alert's id."}
    headers = {"$ref": "#/components/schemas/DeadLetterHeaders"}
    return {
        "post": {**_message("Post", key=post_key), "examples": [{"payload": EXAMPLE_POST}]},
        "pack": _message(None, content_type="application/octet-stream"),
        "activity": _message("Activity", content_type="application/vnd.msgpack"),
        "alert": _message("Alert", key=burst_key),
        "ruling": _message("Ruled", key={"type": "string", "description": "The ruling's id."}),
        "deadLetter": {**_message(None, content_type="application/octet-stream"), "headers": headers},
        "state": _message(None, content_type="application/octet-stream", key=_TEXT_KEY),
    }


def _message(
    payload: str | None, *, content_type: str = "application/json", key: Schema | None = None
) -> Schema:
    binding: Schema = {"bindingVersion": _BINDING} | ({"key": key} if key else {})
    return {
        "contentType": content_type,
        "payload": {"$ref": f"#/components/schemas/{payload}"} if payload else _OPAQUE,
        "bindings": {"kafka": binding},
    }


def _schemas() -> Schema:
    """All schemas in AsyncAPI's dialect, which is JSON Schema draft 7: tuples are `items`."""
    schemas: Schema = {"DeadLetterHeaders": _dead_letter_headers()}
    for contract in ("posts", "alerts", "activity", "rulings"):
        top, components = schema_parts(contract, "#/components/schemas/{name}")
        schemas |= components
        if contract == "activity":
            schemas["Activity"] = top
    for node in _nodes(schemas):
        if isinstance(node.get("prefixItems"), list):
            rest = node.pop("items", None)
            node["items"] = node.pop("prefixItems")
            if rest is not None:
                node["additionalItems"] = rest
    return schemas


def _camel(topic: str) -> str:
    first, *rest = topic.replace(".", "-").split("-")
    return first + "".join(part.capitalize() for part in rest)
