"""`tocsin demo`: watch a campaign ring, on this machine, with nothing else installed."""

from pathlib import Path

import click


@click.command(context_settings={"show_default": True})
@click.option(
    "--speed",
    type=click.FloatRange(1, 100_000),
    default=300,
    help="Times real time; five hours are replayed.",
)
@click.option("--seed", type=int, default=7, help="Equal seeds give equal posts.")
@click.option(
    "--out-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build"),
    help="Where demo.json, demo-alerts.txt and logs go.",
)
@click.option("--keep", is_flag=True, help="Leave broker, worker and page up at the end, until Ctrl-C.")
def demo(speed: float, seed: int, out_dir: Path, *, keep: bool) -> int:
    """Watch the New Caledonia campaign ring: a broker, a worker, a replay, alerts, the page.

    Needs the extra `embedded` and no network; all processes end with it. Exit code 0 only if
    the campaign reached `critical` and nothing of the background did.
    """
    from stream.demo.run import Options, run  # noqa: PLC0415 (heavy imports only for this command)

    return run(Options(speed=speed, seed=seed, out_dir=out_dir, keep=keep))
