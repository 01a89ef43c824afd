"""The fields of `stream.settings.Settings` for those who are told: delivery and the page.

Written as those of `stream.settings_fields`.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings


class WatchRule(BaseModel):
    """What a team watches; a list that is empty asks for nothing. By the burst's first post."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    terms: tuple[str, ...] = ()
    langs: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()


def _address(default: str, description: str) -> Any:
    """A field that takes an address, or nothing where that is the default."""
    address = r"https?://\S+[^/\s]"
    return Field(
        default,
        pattern=f"^{address}$" if default else f"^({address})?$",
        description=description,
        json_schema_extra={"allowed": "an http:// or https:// address without a slash at its end"},
    )


class DeliverySettings(BaseSettings):
    """How `tocsin deliver` tells people; none of these changes an alert."""

    alertmanager_urls: str = Field(
        "",
        pattern=r"^(https?://[^\s,]+(\s*,\s*https?://[^\s,]+)*)?$",
        description="Addresses of all Alertmanagers of a cluster, comma separated. More: each is told.",
        json_schema_extra={"allowed": "http:// or https:// addresses, comma separated"},
    )
    alertmanager_resend_s: int = Field(
        60, ge=1, le=3600, description="Seconds after which what fires is told again. More: fewer requests."
    )
    alertmanager_hold_s: int = Field(
        900,
        ge=10,
        le=86_400,
        description="Seconds that an alert holds in Alertmanager after it was last told. More: a longer "
        "outage of delivery without false resolutions; a burst whose end nobody told stays longer.",
    )
    alertmanager_least_s: int = Field(
        60,
        ge=0,
        le=3600,
        description="Seconds that a burst is told as firing at least, above Alertmanager's group_wait: it "
        "keeps silent about what it only knows as over. More: ends are told later.",
    )
    webhook_url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Address that gets every transition as JSON, in order, at least once.",
        json_schema_extra={"allowed": "an http:// or https:// address"},
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="Key of the webhook's signature; empty: none is sent."
    )
    canary_s: int = Field(
        600,
        ge=0,
        le=86_400,
        description="Seconds between canary bursts through the live path, at the feed's own time; 0: none. "
        "More: a broken path is noticed later.",
    )
    deliver_from: Literal["info", "warning", "critical"] = Field(
        "warning", description="Least severity that is delivered."
    )
    deliver_port: int = Field(
        9465, ge=0, le=65_535, description="Port of /metrics of `tocsin deliver`; 0 picks a free one."
    )
    rise_wait_s: float = Field(
        10,
        ge=0,
        le=3600,
        description="Seconds that a severity below critical stands before people are told, for it may rise: "
        "then they hear of the graver one alone. New Caledonia's texts rose after 19 to 30. More: fewer "
        "bursts told twice, later warnings.",
    )
    late_digest_s: int = Field(
        900,
        ge=1,
        le=86_400,
        description="An alert written longer than this after its post, seconds, joins one digest instead of "
        "paging. More: pages about older news after an outage.",
    )
    pages_an_hour: int = Field(
        12,
        ge=1,
        le=10_000,
        description="Bursts of severity critical told one by one within an hour; the rest is one summary. "
        "More: more pages in a storm.",
    )
    page_url: str = _address("", "Address of Tocsin's page, for links in notifications; empty: no links.")
    prometheus_url: str = _address(
        "", "Address of Prometheus; `tocsin doctor` asks it whether it scrapes us and has our rules."
    )
    runbook_url: str = _address(
        "https://github.com/tocsin/tocsin/blob/main/deploy/runbooks",
        "Folder of the runbooks, for links in notifications.",
    )
    watch: tuple[WatchRule, ...] = Field(
        (),
        max_length=50,
        description="Rules (name, terms, langs, platforms); the first that fits a burst's first post becomes "
        "its label `watch`, else `other`. More: finer routing.",
        json_schema_extra={"default_text": "–", "allowed": "at most 50 rules"},
    )


class PageSettings(BaseSettings):
    """How `tocsin web` serves the page."""

    web_host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address that the page listens on. It asks nobody for a password: beyond this machine, "
        "put a proxy of yours in front.",
    )
    web_port: int = Field(8080, ge=0, le=65_535, description="Port of the page; 0 picks a free one.")
    web_user_header: str = Field(
        "",
        pattern=r"^[A-Za-z0-9-]*$",
        description="Header in which your proxy names who is logged in, such as X-Forwarded-User: then the "
        "page has buttons to mute, and keeps that name. Nobody but the proxy may reach the page.",
        json_schema_extra={"allowed": "name of a header"},
    )
    web_typed_names: bool = Field(
        default=False,
        description="Whether people on other machines may decide under a name they type; on this machine "
        "they may. On, anyone who reaches the page can mute.",
    )
