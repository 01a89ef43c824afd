"""What makes settings wrong, and how that is said: name, value, allowed range, hint."""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from stream.errors import SettingsError

if TYPE_CHECKING:
    from stream.settings import Settings

Fields = Mapping[str, FieldInfo]

_MAX_SHOWN_CHARS = 80


def names_in_env(prefix: str, fields: Fields, also: str) -> set[str]:
    """Names of the fields that the environment sets; an empty variable sets nothing.

    Raises:
        SettingsError: a variable with `prefix` is neither a field nor `also`.
    """
    variables = [name for name in os.environ if name.upper().startswith(prefix)]
    known = {prefix + name.upper(): name for name in fields}
    for variable in variables:
        if variable.upper() not in known and variable.upper() != also:
            raise SettingsError(
                f"unknown environment variable {variable}{_hint(variable.upper(), [*known, also])}"
            )
    return {known[v.upper()] for v in variables if os.environ[v] and v.upper() in known}


def read_toml(path: Path | None, fields: Fields) -> dict[str, Any]:
    """The flat settings in the TOML file at `path`; nothing without a path.

    Raises:
        SettingsError: the file can't be read, isn't TOML, or has a key that is no setting.
    """
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"settings file {path} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {path} isn't valid TOML: {error}") from error
    for key, value in values.items():
        if key not in fields:
            flat = " (settings are flat: no tables)" if isinstance(value, dict) else ""
            raise SettingsError(f"unknown setting {key!r} in {path}{_hint(key, fields)}{flat}")
    return values


def _hint(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else "; `tocsin settings` lists all names"


def allowed(field: FieldInfo) -> str:
    """The range of a field, for people: ``60 to 86400``, ``PLAIN, SSL``, ``true or false``."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "allowed" in extra:
        return str(extra["allowed"])
    if get_origin(field.annotation) is Literal:
        return ", ".join(map(str, get_args(field.annotation)))
    if field.annotation is bool:
        return "true or false"
    return _bounds(field) or ("a path" if "Path" in str(field.annotation) else "text")


def _bounds(field: FieldInfo) -> str:
    keys = ("ge", "gt", "le", "min_length", "max_length", "pattern")
    bound = {key: getattr(item, key, None) for item in field.metadata for key in keys if hasattr(item, key)}
    if "gt" in bound:
        return f"above {bound['gt']}, to {bound['le']}"
    if "ge" in bound:
        return f"{bound['ge']} to {bound['le']}"
    if bound.get("pattern"):
        return "letters, digits, '.', '_' and '-'"
    if "max_length" in bound:
        return f"{bound.get('min_length', 0)} to {bound['max_length']} characters"
    return f"at least {bound['min_length']} characters" if "min_length" in bound else ""


def explain(error: ValidationError, fields: Fields) -> str:
    """One line for all that is wrong: setting, value (hidden if secret), allowed range."""
    said = []
    for item in error.errors():
        name = str(item["loc"][0]).lower() if item["loc"] else ""
        name = name.removeprefix("tocsin_")
        if name in fields:
            reason = f" ({item['ctx']['error']})" if item["type"] == "value_error" else ""
            value = _shown(fields[name], item.get("input"))
            said.append(f"setting {name} = {value}{reason}: allowed is {allowed(fields[name])}")
        elif item["type"] == "extra_forbidden":
            said.append(f"unknown setting {name!r}{_hint(name, fields)}")
        else:
            said.append(str(item.get("ctx", {}).get("error", item["msg"])))
    return "; ".join(said)


def _shown(field: FieldInfo, value: object) -> str:
    if field.annotation is SecretStr:
        return "********"
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN_CHARS else text[:_MAX_SHOWN_CHARS] + "…"


def check_server(server: str) -> None:
    """Refuse what is no ``host:port``; IPv6 addresses stand in brackets.

    Raises:
        ValueError: with what is wrong.
    """
    host, colon, port = server.rpartition(":")
    if "://" in server:
        raise ValueError("no URL scheme here")
    if not colon or not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError(f"{server!r} is no host:port")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError(f"{server!r}: write IPv6 addresses in brackets")


def contradictions(settings: "Settings") -> list[str]:
    """Values that are allowed alone but not together; empty when all is well."""
    s = settings
    return [text for is_wrong, text in (*_detection_rules(s), *_kafka_rules(s)) if is_wrong]


def _detection_rules(s: "Settings") -> list[tuple[bool, str]]:
    return [
        (s.epoch_s % s.slot_s != 0, f"slot_s = {s.slot_s} must divide epoch_s = {s.epoch_s}"),
        (
            not s.min_accounts <= s.warning_accounts <= s.critical_accounts,
            (
                f"min_accounts = {s.min_accounts}, warning_accounts = {s.warning_accounts} and "
                f"critical_accounts = {s.critical_accounts} must not fall"
            ),
        ),
        (
            s.warning_novelty_accounts < s.warning_accounts,
            (
                f"warning_novelty_accounts = {s.warning_novelty_accounts} must be at least "
                f"warning_accounts = {s.warning_accounts}"
            ),
        ),
        (
            s.critical_false_per_day > s.warning_false_per_day,
            (
                f"critical_false_per_day = {s.critical_false_per_day} must not be above "
                f"warning_false_per_day = {s.warning_false_per_day}"
            ),
        ),
    ]


def _kafka_rules(s: "Settings") -> list[tuple[bool, str]]:
    sasl = s.security_protocol.startswith("SASL_")
    tls_files = any((s.ssl_cafile, s.ssl_certfile, s.ssl_keyfile))
    hours = s.min_retention_s / 3600
    return [
        (
            sasl and not (s.sasl_username and s.sasl_password.get_secret_value()),
            f"security_protocol = {s.security_protocol} needs sasl_username and sasl_password",
        ),
        (
            not sasl and bool(s.sasl_username or s.sasl_password.get_secret_value()),
            (
                "sasl_username and sasl_password are not used with "
                f"security_protocol = {s.security_protocol}; set SASL_SSL or SASL_PLAINTEXT"
            ),
        ),
        (
            (s.ssl_certfile is None) != (s.ssl_keyfile is None),
            "ssl_certfile and ssl_keyfile are set together or not at all",
        ),
        (
            tls_files and not s.security_protocol.endswith("SSL"),
            f"ssl_* files are not used with security_protocol = {s.security_protocol}; set SSL or SASL_SSL",
        ),
        (
            s.alerts_retention_h < s.stages_retention_h,
            f"alerts_retention_h = {s.alerts_retention_h} must be at least stages_retention_h",
        ),
        *(
            (
                retention_h < hours,
                f"{name} = {retention_h} must be at least {hours:g}: epoch_s = {s.epoch_s} and 24 h",
            )
            for name, retention_h in (
                ("posts_retention_h", s.posts_retention_h),
                ("stages_retention_h", s.stages_retention_h),
            )
        ),
    ]
