"""The command `tocsin`: lazy, and clear about what went wrong."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from stream.cli import COMMANDS, main
from stream.settings_docs import settings_table


def test_help_lists_every_command_and_imports_none() -> None:
    """`tocsin --help` loads neither settings, nor Kafka, nor kernels."""
    code = (
        "import sys\n"
        "from stream.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        "heavy = {'pydantic', 'aiokafka', 'faust', 'numpy', 'numba', 'stream.settings', 'rich'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_listed_command_exists_and_explains_itself(name: str) -> None:
    """Each command of the table can be loaded and has a help text of its own."""
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {name}")


def test_our_error_is_one_line_and_exit_code_one() -> None:
    """A wrong setting ends with its text on standard error, code 1 and no traceback."""
    result = CliRunner(env={"TOCSIN_EPOCH_S": "7"}).invoke(main, ["settings"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "tocsin: setting epoch_s = '7': allowed is 60 to 86400\n"


def test_wrong_usage_is_exit_code_two() -> None:
    """An unknown command, option or absent settings file is wrong usage."""
    for args in (["sttings"], ["settings", "--bogus"], ["--config", "/nowhere.toml", "settings"]):
        result = CliRunner().invoke(main, args)
        assert (result.exit_code, result.stdout) == (2, ""), args
        assert "Error: " in result.stderr


def test_settings_file_reaches_commands_and_their_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--config is put into the environment as an absolute path, where child processes find it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOCSIN_CONFIG", "")
    Path("my.toml").write_text("epoch_s = 1800\n")
    result = CliRunner().invoke(main, ["--config", "my.toml", "settings"])
    assert "epoch_s = 1800  # file\n" in result.stdout
    assert os.environ["TOCSIN_CONFIG"] == str(tmp_path / "my.toml")


def test_settings_table_is_printed_for_the_readme() -> None:
    """`tocsin settings --markdown` prints the table that the README holds."""
    assert CliRunner().invoke(main, ["settings", "--markdown"]).stdout == settings_table()


def test_integer_that_a_command_returns_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command says by its return value how it ended; None is well."""
    for returned, code in ((3, 3), (0, 0), (None, 0)):
        command = click.Command("probe", callback=lambda returned=returned: returned)
        monkeypatch.setattr(main, "get_command", lambda _ctx, _name, command=command: command)
        assert CliRunner().invoke(main, ["probe"]).exit_code == code


def test_interrupt_is_exit_code_130_without_a_traceback() -> None:
    """Ctrl-C ends a command quietly with 130, as shells expect."""
    code = (
        "import click, signal\n"
        "from stream.cli import main\n"
        "def wait():\n"
        "    print('up', flush=True)\n"
        "    signal.pause()\n"
        "main.get_command = lambda ctx, name: click.Command('wait', callback=wait)\n"
        "main(['wait'])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert (process.returncode, said.strip()) == (130, "")
