"""Settings shown to people: the table of the README and the list of `tocsin settings`."""

from pathlib import Path
from typing import Literal, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from stream.settings import Settings, sources
from stream.settings_checks import allowed
from stream.settings_fields import (
    PUBLIC_HASH_KEY,
    DetectionSettings,
    KafkaSettings,
    WorkerSettings,
)
from stream.settings_telling import DeliverySettings, PageSettings

GROUPS: dict[str, type[BaseSettings]] = {
    "Kafka": KafkaSettings,
    "Detection": DetectionSettings,
    "Worker": WorkerSettings,
    "Delivery": DeliverySettings,
    "Page": PageSettings,
}


def _default(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "default_text" in extra:
        return str(extra["default_text"])
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        value = str(value).lower()
    return "–" if value in (None, "", PydanticUndefined) else f"`{value}`"


def _kind(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return "choice"
    if field.annotation is SecretStr:
        return "secret"
    return {int: "integer", float: "number", bool: "flag", str: "text"}.get(
        field.annotation,  # type: ignore[arg-type]  # a union of Path and None falls through
        "path",
    )


def settings_table() -> str:
    """All settings as Markdown tables, one a group: name, kind, default, allowed, effect."""
    parts = []
    for title, group in GROUPS.items():
        rows = [
            f"| `{name}` | {_kind(field)} | {_default(field)} | {allowed(field).replace('|', '/')} "
            f"| {field.description} |"
            for name, field in group.model_fields.items()
        ]
        head = f"### {title}\n\n| setting | kind | default | allowed | what it is, and the effect of more |"
        parts.append("\n".join([head, "|---|---|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def settings_list(settings: Settings, config: Path | None = None) -> str:
    """Values in force, redacted, one a line as TOML, with where each comes from."""
    origin = sources(config)
    lines = []
    for title, group in GROUPS.items():
        lines.append(f"# {title}")
        values = settings.redacted()
        lines += [f"{_toml(name, values[name])}  # {origin[name]}" for name in group.model_fields]
    if settings.account_hash_key.get_secret_value() == PUBLIC_HASH_KEY:
        lines.append("# account_hash_key is the public default: set your own for real feeds")
    return "\n".join(lines) + "\n"


def _toml(name: str, value: object) -> str:
    if value is None:
        return f"# {name} is not set"
    if isinstance(value, bool):
        return f"{name} = {str(value).lower()}"
    return f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}"
