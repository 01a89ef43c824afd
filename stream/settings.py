"""Settings: the one place where environment and TOML are parsed.

Every field can be set as ``TOCSIN_<NAME>`` in the environment or as ``<name>`` in a flat TOML
file, whose path is given by ``--config`` or ``TOCSIN_CONFIG``; the environment wins. An empty
variable counts as not set. Unknown names are refused: a misspelt threshold must not silently
leave the default in force.
"""

import os
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from stream import settings_checks as checks
from stream.errors import SettingsError
from stream.settings_fields import (
    DetectionSettings,
    KafkaSettings,
    WorkerSettings,
)
from stream.settings_telling import DeliverySettings, PageSettings

ENV_PREFIX = "TOCSIN_"
CONFIG_ENV = "TOCSIN_CONFIG"
OUTAGE_S = 24 * 3600
"""The longest outage that topics must bridge beside one epoch."""


class Settings(KafkaSettings, DetectionSettings, WorkerSettings, DeliverySettings, PageSettings):
    """All settings, frozen. ``Settings(...)`` reads the environment; `load_settings` also a file.

    Raises:
        SettingsError: a value is wrong; the text names setting, value and allowed range.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(checks.explain(error, type(self).model_fields)) from None

    @property
    def bootstrap_servers(self) -> list[str]:
        """`bootstrap` as a list of host:port."""
        return [server.strip() for server in self.bootstrap.split(",")]

    @property
    def platforms_apart(self) -> list[str]:
        """`feed_platforms` as a list."""
        names = (name.strip() for name in self.feed_platforms.split(","))
        return [name for name in names if name]

    @property
    def alertmanagers(self) -> list[str]:
        """`alertmanager_urls` as a list, without slashes at the end."""
        urls = (url.strip().rstrip("/") for url in self.alertmanager_urls.split(","))
        return [url for url in urls if url]

    @property
    def min_retention_s(self) -> int:
        """Seconds that posts, sketches and activity must keep: an epoch and the longest outage."""
        return self.epoch_s + OUTAGE_S

    def redacted(self) -> dict[str, Any]:
        """Values as plain JSON types, for printing; a secret that is set shows as ``********``."""
        return self.model_dump(mode="json")

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if wrong := checks.contradictions(self):
            raise ValueError("; ".join(wrong))
        return self


def _config_path(config: Path | None) -> Path | None:
    named = os.environ.get(CONFIG_ENV)
    return config or (Path(named) if named else None)


def load_settings(config: Path | None = None) -> Settings:
    """Settings from environment, TOML file and defaults, in this order of precedence.

    Args:
        config: path of a TOML file; ``None`` takes the path in ``TOCSIN_CONFIG``, if any.

    Raises:
        SettingsError: an unknown name, an unreadable file or a wrong value.
    """
    in_env = checks.names_in_env(ENV_PREFIX, Settings.model_fields, also=CONFIG_ENV)
    in_file = checks.read_toml(_config_path(config), Settings.model_fields)
    return Settings(**{name: value for name, value in in_file.items() if name not in in_env})


def sources(config: Path | None = None) -> dict[str, str]:
    """Where each setting's value comes from: ``environment``, ``file`` or ``default``."""
    in_env = checks.names_in_env(ENV_PREFIX, Settings.model_fields, also=CONFIG_ENV)
    in_file = checks.read_toml(_config_path(config), Settings.model_fields)
    return {
        name: "environment" if name in in_env else "file" if name in in_file else "default"
        for name in Settings.model_fields
    }
