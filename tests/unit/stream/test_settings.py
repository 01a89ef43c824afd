"""Settings: where values come from, what is refused and how that is said."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from stream.errors import SettingsError
from stream.settings import Settings, load_settings, sources
from stream.settings_docs import settings_list, settings_table

SASL = {"security_protocol": "SASL_SSL", "sasl_username": "u", "sasl_password": "p"}


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    """A settings file with an epoch and a slot."""
    path = tmp_path / "tocsin.toml"
    path.write_text("epoch_s = 7200\nslot_s = 30\n")
    return path


def test_environment_wins_over_file_wins_over_default(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value is taken from the environment, else from the file, else from the default."""
    monkeypatch.setenv("TOCSIN_EPOCH_S", "1800")
    settings = load_settings(toml)
    assert (settings.epoch_s, settings.slot_s, settings.quiet_s) == (1800, 30, 900)
    origin = sources(toml)
    assert [origin[n] for n in ("epoch_s", "slot_s", "quiet_s")] == ["environment", "file", "default"]


def test_file_is_named_by_the_environment(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TOCSIN_CONFIG names the file when no path is given."""
    monkeypatch.setenv("TOCSIN_CONFIG", str(toml))
    assert load_settings().epoch_s == 7200


def test_empty_variable_counts_as_not_set(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable, as compose files make them, leaves the file's value in force."""
    monkeypatch.setenv("TOCSIN_EPOCH_S", "")
    assert load_settings(toml).epoch_s == 7200


def test_unknown_variable_is_refused_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt variable is refused, and the nearest name is offered."""
    monkeypatch.setenv("TOCSIN_EPOCHS", "7200")
    with pytest.raises(SettingsError, match=r"TOCSIN_EPOCHS; did you mean TOCSIN_EPOCH_S\?"):
        load_settings()


def test_unknown_key_in_the_file_is_refused_with_a_hint(tmp_path: Path) -> None:
    """A misspelt key in the file is refused with the nearest name."""
    path = tmp_path / "t.toml"
    path.write_text("min_acounts = 7\n")
    with pytest.raises(SettingsError, match=r"'min_acounts' in .*did you mean min_accounts\?"):
        load_settings(path)


def test_table_in_the_file_is_refused(tmp_path: Path) -> None:
    """Settings are flat, and a TOML table is told so."""
    path = tmp_path / "t.toml"
    path.write_text("[kafka]\nbootstrap = 'a:1'\n")
    with pytest.raises(SettingsError, match="flat"):
        load_settings(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"epoch_s = ", "isn't valid TOML"), (b"\xff\xfe", "isn't valid TOML"), (None, "can't be read")],
    ids=["not-toml", "not-utf8", "absent"],
)
def test_unreadable_file_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    """A file that is broken or absent is an error that names it, never ignored."""
    path = tmp_path / "broken.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"broken.toml {said}"):
        load_settings(path)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("epoch_s", 7, "setting epoch_s = 7: allowed is 60 to 86400"),
        ("epoch_s", "soon", "setting epoch_s = 'soon': allowed is 60 to 86400"),
        ("info_novelty", float("nan"), "setting info_novelty = nan: allowed is 0 to 300"),
        ("drain_s", 0, "setting drain_s = 0: allowed is above 0, to 600"),
        ("log_level", "LOUD", "setting log_level = 'LOUD': allowed is DEBUG, INFO, WARNING, ERROR"),
        ("topic_prefix", "a b", "setting topic_prefix = 'a b': allowed is letters, digits"),
        ("bootstrap", "kafka://a:1", "no URL scheme here"),
        ("bootstrap", "a:1,b", "'b' is no host:port"),
        ("bootstrap", "::1:9092", "write IPv6 addresses in brackets"),
        ("ssl_check_hostname", "perhaps", "allowed is true or false"),
        ("epoch", 60, "unknown setting 'epoch'; did you mean epoch_s?"),
    ],
)
def test_wrong_value_is_answered_with_name_value_and_range(name: str, value: object, said: str) -> None:
    """An error names the setting, the value given and what is allowed."""
    with pytest.raises(SettingsError) as caught:
        Settings(**{name: value})
    assert said in str(caught.value)


def test_wrong_value_in_the_environment_is_answered_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable's value is judged as one given in code."""
    monkeypatch.setenv("TOCSIN_LINGER_MS", "7x")
    with pytest.raises(SettingsError, match="linger_ms = '7x': allowed is 0 to 1000"):
        load_settings()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"slot_s": 7}, "slot_s = 7 must divide epoch_s = 3600"),
        ({"min_accounts": 9}, "min_accounts = 9, warning_accounts = 8"),
        ({"critical_accounts": 7}, "critical_accounts = 7 must not fall"),
        ({"warning_novelty_accounts": 7}, "must be at least warning_accounts = 8"),
        ({"critical_false_per_day": 11}, "must not be above warning_false_per_day"),
        ({"security_protocol": "SASL_SSL"}, "needs sasl_username and sasl_password"),
        ({"sasl_username": "u", "sasl_password": "p"}, "not used with security_protocol = PLAINTEXT"),
        ({"security_protocol": "SSL", "ssl_keyfile": "k"}, "set together or not at all"),
        ({"ssl_cafile": "ca"}, "not used with security_protocol = PLAINTEXT"),
        ({"epoch_s": 7200, "posts_retention_h": 25}, "posts_retention_h = 25 must be at least 26"),
        ({"epoch_s": 7200, "stages_retention_h": 25}, "stages_retention_h = 25 must be at least 26"),
        ({"alerts_retention_h": 47}, "alerts_retention_h = 47 must be at least stages_retention_h"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_values_that_contradict_each_other_are_refused(values: dict[str, object], said: str) -> None:
    """What is allowed alone but not together is refused, naming both."""
    with pytest.raises(SettingsError) as caught:
        Settings(**values)
    assert said in str(caught.value)


def test_secrets_are_never_shown() -> None:
    """Neither errors, nor repr, nor the printed list, nor the redacted dict show a secret."""
    settings = Settings(**SASL | {"sasl_password": "hunter2-secret"})
    shown = [repr(settings), str(settings), str(settings.redacted()), settings_list(settings)]
    assert not [text for text in shown if "hunter2" in text]
    assert set(settings.redacted()["sasl_password"]) == {"*"}
    with pytest.raises(SettingsError) as caught:
        Settings(account_hash_key="short")
    assert "short" not in str(caught.value)
    assert "account_hash_key = ********" in str(caught.value)


def test_settings_are_frozen() -> None:
    """Nothing changes a setting after the start."""
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.epoch_s = 60


def test_every_setting_is_described_with_default_and_range() -> None:
    """The README's table has a row with a default, a range and a sentence for every setting."""
    rows = [line.split(" | ") for line in settings_table().splitlines() if line.startswith("| `")]
    assert {row[0].strip("| `") for row in rows} == set(Settings.model_fields)
    assert all(len(row) == 5 and row[3] and row[4].rstrip(" |").endswith(".") for row in rows)


def test_numbers_say_what_raising_them_does() -> None:
    """A count, size or duration tells the effect of more, or is a port."""
    silent = [
        name
        for name, field in Settings.model_fields.items()
        if field.annotation in (int, float) and "More" not in (field.description or "")
    ]
    assert sorted(silent) == ["deliver_port", "metrics_port", "replication_factor", "web_port"]


def test_printed_list_is_a_settings_file(tmp_path: Path) -> None:
    """What `tocsin settings` prints can be loaded again, secrets apart."""
    path = tmp_path / "again.toml"
    kept = [line for line in settings_list(Settings(epoch_s=1800)).splitlines() if "_key = " not in line]
    path.write_text("\n".join(kept))
    assert load_settings(path) == Settings(epoch_s=1800)
