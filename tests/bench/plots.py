"""PNG plots for the README: bars of ours and the peers', curves of what grows."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.rows import Row

OURS = "Tocsin"


def draw(row: Row, machine: dict[str, str | int], folder: Path) -> None:
    """``bench-<id>.png`` of a row with peers or with a curve; nothing for other rows."""
    if not row.points and len(row.peers) < 2:
        return
    picture = Figure(figsize=(7, 3 if row.points else 0.9 + 0.4 * len(row.peers)), layout="constrained")
    axes = picture.subplots()
    if row.points:
        _curve(axes, row)
    else:
        _bars(axes, row)
    axes.spines[["top", "right"]].set_visible(False)
    picture.text(
        1, 0, f"{machine['cores']} × {machine['cpu']}, Python {machine['python']}", ha="right", size=7
    )
    picture.savefig(folder / f"bench-{row.id}.png", dpi=120)


def _bars(axes: Axes, row: Row) -> None:
    colours = ["tab:red" if name.startswith(OURS) else "tab:gray" for name in row.peers]
    bars = axes.barh(list(row.peers), list(row.peers.values()), color=colours)
    labels = [f"{value:,.3g}" if value < 100 else f"{value:,.0f}" for value in row.peers.values()]
    axes.bar_label(bars, labels, padding=3)
    axes.margins(x=0.12)
    axes.invert_yaxis()
    axes.set_title(f"{row.id}: {row.peers_unit}", loc="left", size=11)


def _curve(axes: Axes, row: Row) -> None:
    axes.plot(list(row.points), list(row.points.values()), "o-", color="tab:red")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(row.points_axes[0])
    axes.set_title(f"{row.id}: {row.points_axes[1]}", loc="left", size=11)
