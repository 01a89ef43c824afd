"""`tocsin settings`: what is in force, where it comes from, and the README's table."""

import click

from stream.settings import load_settings
from stream.settings_docs import settings_list, settings_table


@click.command()
@click.option("--markdown", is_flag=True, help="Print the table of all settings for the README instead.")
def settings(*, markdown: bool) -> None:
    """Print the settings in force, one a line, with where each comes from; secrets are hidden."""
    click.echo(settings_table() if markdown else settings_list(load_settings()), nl=False)
