"""The command `tocsin`.

Commands are loaded when they are called, so that ``tocsin --help`` is at once and a command
pays only for what it uses. Exit codes: 0 well, 1 a `TocsinError` (its text says what to do),
2 wrong usage, 130 Ctrl-C.
"""

import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from stream.errors import TocsinError

COMMANDS = {
    "scenario": ("stream.cli.replay_commands:scenario", "Write a made-up feed with a campaign in it."),
    "replay": ("stream.cli.replay_commands:replay", "Play a feed of posts into Kafka."),
    "alerts": ("stream.cli.alerts_commands:alerts", "Print what rings; --follow goes on."),
    "deliver": ("stream.cli.deliver_commands:deliver", "Deliver alerts to Alertmanager."),
    "detect": ("stream.cli.detect_commands:detect", "Find the bursts in an archive, without Kafka."),
    "mute": ("stream.cli.ruling_commands:mute", "Mute a burst's content for a while."),
    "known": ("stream.cli.ruling_commands:known", "Call a burst's content an evergreen template."),
    "unmute": ("stream.cli.ruling_commands:unmute", "Take a mute or a verdict back."),
    "mutes": ("stream.cli.ruling_commands:mutes", "List what is muted or known."),
    "verdict": ("stream.cli.verdict_commands:verdict", "Record whether an alert was right."),
    "verdicts": ("stream.cli.verdict_commands:verdicts", "List verdicts, and the precision."),
    "demo": ("stream.cli.demo_commands:demo", "Watch a campaign ring on this machine."),
    "doctor": ("stream.cli.doctor_commands:doctor", "Look for what is wrong, and say what to do."),
    "schema": ("stream.cli.schema_commands:schema", "Print the contracts: JSON Schema, AsyncAPI."),
    "worker": ("stream.cli.worker_commands:worker", "Run a worker: posts in, alerts out."),
    "settings": ("stream.cli.settings_commands:settings", "Print the settings in force, redacted."),
    "web": ("stream.cli.web_commands:web", "Serve the page: what rings, live."),
    "topics": ("stream.cli.topics_commands:topics", "Create and check the Kafka topics."),
}
"""Command → where it is, and its line in ``tocsin --help``."""

_INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose commands are imported when they run; its errors are one line each."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Names in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 (COMMANDS is ours)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run, then exit: an integer that a command returns is the exit code."""
        extra["standalone_mode"] = False
        try:
            result = super().main(args, *rest, **extra)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(_INTERRUPTED)
        except TocsinError as error:
            click.echo(f"tocsin: {error}", err=True)
            sys.exit(1)
        sys.exit(result if isinstance(result, int) else 0)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file of settings; TOCSIN_* variables win over it.",
)
@click.option("-v", "--verbose", count=True, help="Log more to standard error; twice for debugging.")
@click.version_option(package_name="tocsin", prog_name="tocsin")
@click.pass_context
def main(ctx: click.Context, config: Path | None, verbose: int) -> None:
    """Tocsin rings when many accounts suddenly say the same thing."""
    if config is not None:
        # In the environment, so that workers started by a command read the same file.
        os.environ["TOCSIN_CONFIG"] = str(config.resolve())
    if ctx.invoked_subcommand not in {"worker", "deliver"}:  # services set up their own logging
        level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
        logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        if not verbose:
            # It logs each failed attempt; our error says the cause and what to do.
            logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
