"""The fields of `stream.settings.Settings`, in three groups: Kafka, detection, worker.

Those of delivery and the page stand in `stream.settings_telling`.

A description says the unit and the effect of raising the value: the README's table is made
of it.
"""

import os
import tempfile
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from stream import settings_checks as checks

PUBLIC_HASH_KEY = "tocsin-public-default"
"""Printed in the README: anyone can recompute hashes made with it."""


def _default_data_dir() -> Path:
    """The user's cache folder, or a temporary one where no home can be written (containers)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    writable = cache if cache.exists() else cache.parent
    base = cache if os.access(writable, os.W_OK) else Path(tempfile.gettempdir())
    return base / "tocsin"


class KafkaSettings(BaseSettings):
    """How to reach the broker, and how topics are made."""

    bootstrap: str = Field(
        "localhost:9092",
        description="Brokers as host:port, comma separated. Name several: any of them may be down at start.",
        json_schema_extra={"allowed": "host:port[,host:port…]"},
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to the brokers; SASL_PLAINTEXT shows the password of PLAIN."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How to prove the password; read with SASL_* protocols only."
    )
    sasl_username: str = Field("", description="User name for SASL.")
    sasl_password: SecretStr = Field(SecretStr(""), description="Password for SASL; never printed.")
    ssl_cafile: Path | None = Field(
        None, description="PEM file of the authorities to trust; unset: those of the system."
    )
    ssl_certfile: Path | None = Field(None, description="PEM file of our certificate, for mutual TLS.")
    ssl_keyfile: Path | None = Field(None, description="PEM file of our unencrypted key, for mutual TLS.")
    ssl_check_hostname: bool = Field(
        True,
        description="Whether the broker's certificate must carry its name. Off, any holder of a trusted "
        "certificate can pose as the broker.",
    )
    topic_prefix: str = Field(
        "",
        max_length=100,
        pattern=r"^[A-Za-z0-9._-]*$",
        description="Put before each topic's name, so that several Tocsins share a cluster.",
    )
    group: str = Field(
        "tocsin",
        min_length=1,
        max_length=200,
        description="Consumer group of the workers. Another name starts again from the oldest posts.",
    )
    group_instance_id: str = Field(
        "",
        max_length=200,
        description="Static membership: a name that is unique to this worker and kept over restarts. Set, "
        "a restart rejoins in about 3 s instead of 10; a worker gone for good is missed after the session.",
    )
    posts_partitions: int = Field(
        4,
        ge=1,
        le=1000,
        description="Partitions of posts, used when the topic is created. More: more workers can share "
        "parsing and sketching.",
    )
    sketches_partitions: int = Field(
        4,
        ge=1,
        le=1000,
        description="Partitions of sketches, used when the topic is created. More: more workers can share "
        "clustering; a few more near-copies stray and are merged later.",
    )
    replication_factor: int = Field(
        -1,
        ge=-1,
        le=15,
        description="Copies of each partition, used when topics are created; -1: as the broker is set. "
        "Three survive the loss of a broker.",
    )
    session_timeout_s: int = Field(
        10,
        ge=3,
        le=300,
        description="Seconds without a heartbeat until a worker counts as dead. More: fewer false alarms, "
        "but a killed worker's partitions wait longer.",
    )
    posts_retention_h: int = Field(
        48,
        ge=25,
        le=87_600,
        description="Hours that posts keeps records (personal data); at least an epoch and 24 h. More: "
        "longer outages and replays.",
    )
    stages_retention_h: int = Field(
        48,
        ge=25,
        le=87_600,
        description="Hours that sketches and activity keep records; at least an epoch and 24 h. More: "
        "longer outages lose nothing; more disk.",
    )
    alerts_retention_h: int = Field(
        720,
        ge=25,
        le=87_600,
        description="Hours that alerts keeps a burst after its last word (personal data); at least "
        "stages_retention_h. More: a longer memory of what rang; slower starts.",
    )
    dead_retention_h: int = Field(
        168,
        ge=1,
        le=87_600,
        description="Hours that posts.dead keeps rejected records (personal data). More: more time to look.",
    )
    rulings_retention_h: int = Field(
        2160,
        ge=1,
        le=87_600,
        description="Hours from a decision on that rulings keeps it though it holds no more (personal data); "
        "then it goes when BURST next starts or moves. More: a longer memory of who, when and why.",
    )

    @field_validator("bootstrap")
    @classmethod
    def _check_bootstrap(cls, value: str) -> str:
        for server in value.split(","):
            checks.check_server(server.strip())
        return value


class DetectionSettings(BaseSettings):
    """What decides the results (see `stream.detection`)."""

    epoch_s: int = Field(
        3600,
        ge=60,
        le=86_400,
        description="Seconds of event time after which the index starts empty. More: slower campaigns stay "
        "one cluster; memory and the rebuild on restart grow with it.",
    )
    slot_s: int = Field(
        60,
        ge=1,
        le=3600,
        description="Seconds of event time per count; divides epoch_s. More: coarser series, fewer "
        "messages between stages.",
    )
    quiet_s: int = Field(
        900,
        ge=1,
        le=86_400,
        description="Seconds of event time without a new copy until a burst is resolved. More: fewer "
        "resolve-and-ring-again pairs, later resolution.",
    )
    lateness_s: int = Field(
        120,
        ge=0,
        le=3600,
        description="Seconds that a post may lie behind its feed and still count as on time. More: slots "
        "close later.",
    )
    min_accounts: int = Field(
        4,
        ge=2,
        le=1_000_000,
        description="Distinct accounts in two hours below which nothing is listed. More: a shorter list.",
    )
    ring_spam: bool = Field(
        False,
        description="Whether a content that a single account posted ten times in two hours is listed, too, "
        "as `info`; off, it is only counted. On: a longer list, with every bot that repeats itself.",
    )
    warning_accounts: int = Field(
        8,
        ge=2,
        le=1_000_000,
        description="Accounts from which a coordinated burst is a warning. More: small farms only listed.",
    )
    warning_novelty_accounts: int = Field(
        18,
        ge=2,
        le=1_000_000,
        description="Accounts from which a very novel burst is a warning without signs of coordination. "
        "More: fewer headlines.",
    )
    critical_accounts: int = Field(
        20,
        ge=2,
        le=1_000_000,
        description="Accounts in 5 minutes from which a novel, coordinated burst wakes someone. More: later, "
        "fewer calls.",
    )
    info_per_100k: float = Field(
        600,
        gt=0,
        le=100_000,
        description="Contents per 100,000 posts that may by nature grow as large as a listed burst; a feed "
        "that gives more lists larger ones only. More: a longer list of smaller bursts.",
    )
    info_novelty: float = Field(
        2.0,
        ge=0,
        le=300,
        description="Novelty (−log₁₀ of the chance) from which a burst is listed. More: a shorter list.",
    )
    warning_false_per_day: float = Field(
        10,
        gt=0,
        le=1_000_000,
        description="Warnings a day that may be false: nature gives contents as large and as novel this "
        "often. More: more and smaller bursts are warnings.",
    )
    critical_false_per_day: float = Field(
        1,
        gt=0,
        le=1_000_000,
        description="The same for critical. More: earlier calls, more of them for nothing.",
    )
    coordination_threshold: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Coordination score (0 to 1) from which a burst counts as coordinated. More: fewer "
        "warnings, fewer farms found.",
    )
    new_account_days: int = Field(
        30,
        ge=1,
        le=3650,
        description="Days under which an account counts as new. More: more accounts do, in the feed's base "
        "rate too.",
    )
    max_tracked_posts: int = Field(
        500_000,
        ge=1000,
        le=100_000_000,
        description="Posts that one partition's index holds in an epoch; beyond it the oldest leave, "
        "counted. More: more memory (see the README's bytes per post), no early forgetting.",
    )
    max_text_chars: int = Field(
        20_000,
        ge=100,
        le=1_000_000,
        description="Characters of a text; a post with more is dead-lettered as text_too_long. More: slower "
        "worst case.",
    )
    max_post_bytes: int = Field(
        65_536,
        ge=1024,
        le=900_000,
        description="Bytes of a record in posts; a larger one is dead-lettered. More: slower worst case.",
    )
    account_hash_key: SecretStr = Field(
        SecretStr(PUBLIC_HASH_KEY),
        min_length=8,
        description="Key of the 64-bit account hashes between stages. The default is public, so set your "
        "own; change it only with fresh topics, or accounts count twice.",
    )
    history_h: int = Field(
        24,
        ge=1,
        le=168,
        description="Hours of event time that burst statistics look back. More: slower templates become "
        "known and stay quiet; a larger checkpoint.",
    )


class WorkerSettings(BaseSettings):
    """How a worker runs; none of these changes a result."""

    metrics_host: str = Field(
        "127.0.0.1", min_length=1, description="Address that serves /metrics, /healthz and /readyz."
    )
    metrics_port: int = Field(9464, ge=0, le=65_535, description="Port of /metrics; 0 picks a free one.")
    feed_platforms: str = Field(
        "",
        pattern=r"^([a-z0-9][a-z0-9_.-]{0,31}(\s*,\s*[a-z0-9][a-z0-9_.-]{0,31}){0,49})?$",
        description="Platforms that must not fall silent, comma separated: tocsin_platform_posts_total "
        "counts them apart, and a rule tells of each that sends nothing. More: more series.",
        json_schema_extra={"allowed": "at most 50 names as posts have them, comma separated"},
    )
    drain_s: float = Field(
        20,
        gt=0,
        le=600,
        description="Seconds that a worker gets on SIGTERM to finish what it holds. More: fewer records "
        "read again, slower stop.",
    )
    stage_processes: int = Field(
        default_factory=lambda: 3 if (os.cpu_count() or 1) > 1 else 0,
        ge=0,
        le=3,
        description="Stages with a process of their own beside the worker's: 1: SKETCH, 2: CLUSTER too, "
        "3: BURST too. More: more posts/s where cores are free, more memory. 0 where several workers share "
        "the cores: 6 to 11 % less CPU a post.",
        json_schema_extra={"default_text": "3; 0 on a single core"},
    )
    batch_posts: int = Field(
        3000,
        ge=1,
        le=100_000,
        description="Most posts in one batch; a fetch brings 1 MB of a partition, some 2,000. Those that "
        "wait are joined, up to 500 for each partition of sketches if that is more. More: less overhead a "
        "post, longer delay under load.",
    )
    batch_packs: int = Field(
        32,
        ge=1,
        le=10_000,
        description="Most packs of sketches in one batch. More: less overhead, longer delay under load.",
    )
    fetch_max_wait_ms: int = Field(
        20,
        ge=1,
        le=10_000,
        description="Milliseconds the broker may wait for fetch_min_bytes; 100 at least while a partition is "
        "held back for the work in hand, and, for the first byte, while nothing comes. More: fewer requests, "
        "longer delay on a quiet feed.",
    )
    fetch_min_bytes: int = Field(
        1_000_000,
        ge=1,
        le=50_000_000,
        description="Bytes the broker gathers before it answers, at most for fetch_max_wait_ms. More: "
        "fuller batches; 1 answers at once and makes many small batches when the CPU is scarce.",
    )
    linger_ms: int = Field(
        5,
        ge=0,
        le=1000,
        description="Milliseconds a message waits for company. More: fewer, larger requests; longer delay.",
    )
    max_in_flight: int = Field(
        4,
        ge=1,
        le=64,
        description="Batches whose results may be on their way at once, per partition of a stage. More: more "
        "throughput on a slow broker, more memory, more read again after a crash.",
    )
    data_dir: Path = Field(
        default_factory=_default_data_dir,
        description="Folder for compiled kernels and Faust's files; no state that matters.",
        json_schema_extra={"default_text": "the user's cache folder + /tocsin"},
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severity that is logged."
    )
    checkpoint_s: int = Field(
        60,
        ge=1,
        le=3600,
        description="Seconds of event time between checkpoints of burst state. More: longer replay on "
        "restart, less written.",
    )
