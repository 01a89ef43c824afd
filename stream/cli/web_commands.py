"""`tocsin web`: the page."""

import asyncio

import click


@click.command()
def web() -> None:
    """Serve the page: what rings, live, with its evidence.

    A process of its own that reads the topic `alerts` and changes nothing; run as many as you
    like. It listens on web_host:web_port, by default on this machine only, and asks nobody who
    they are: put your own proxy in front to show it to others. SIGTERM or Ctrl-C ends it.

    \b
    Examples:
      tocsin web
      TOCSIN_WEB_HOST=0.0.0.0 TOCSIN_WEB_PORT=80 tocsin web

    JSON of everything is at /api/bursts, described by /api/openapi.json.
    """  # noqa: D301 (click's mark for lines to leave alone)
    from stream.settings import load_settings  # noqa: PLC0415 (heavy imports only for this command)
    from stream.web.run import serve  # noqa: PLC0415

    asyncio.run(serve(load_settings(), lambda url: click.echo(f"the page is at {url}")))
