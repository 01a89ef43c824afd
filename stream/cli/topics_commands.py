"""`tocsin topics`: make the topics, check them."""

import asyncio

import click

from stream.settings import load_settings
from stream.topics import Report, check_topics, create_topics


@click.group()
def topics() -> None:
    """Create and check the Kafka topics."""


@topics.command()
def create() -> None:
    """Create the topics that are missing; refuse existing ones that would lose state."""
    report = asyncio.run(create_topics(load_settings()))
    for name in report.facts:
        click.echo(f"{'created' if name in report.created else 'exists ':7} {name}")
    _say_notes(report)


@topics.command()
def check() -> None:
    """Check that all topics exist and keep what they must; change nothing."""
    report = asyncio.run(check_topics(load_settings()))
    click.echo(f"{len(report.facts)} topics keep what they must")
    _say_notes(report)


@topics.command()
def describe() -> None:
    """Print what the broker says of each topic."""
    report = asyncio.run(check_topics(load_settings()))
    keys = ("cleanup.policy", "retention.ms", "message.timestamp.type", "max.message.bytes")
    for name, facts in report.facts.items():
        config = " ".join(f"{key}={facts.config.get(key, '?')}" for key in keys)
        click.echo(f"{name}: {facts.partitions} partitions, {facts.copies} copies, {config}")


def _say_notes(report: Report) -> None:
    for note in report.notes:
        click.echo(f"note: {note}", err=True)
