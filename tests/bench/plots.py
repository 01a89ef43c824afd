"""PNG plots of rows: bars of ours and the peers', for the README."""

from pathlib import Path

from matplotlib.figure import Figure

from tests.bench.rows import Row

OURS = "Tocsin"


def draw(row: Row, machine: dict[str, str | int], folder: Path) -> None:
    """``bench-<id>.png`` of a row with peers; nothing for other rows."""
    if len(row.peers) < 2:
        return
    names, values = list(row.peers), list(row.peers.values())
    picture = Figure(figsize=(7, 0.9 + 0.4 * len(names)), layout="constrained")
    axes = picture.subplots()
    colours = ["tab:red" if name.startswith(OURS) else "tab:gray" for name in names]
    bars = axes.barh(names, values, color=colours)
    axes.bar_label(bars, [f"{value:,.3g}" if value < 100 else f"{value:,.0f}" for value in values], padding=3)
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.set_title(f"{row.id}: {row.peers_unit}", loc="left", fontsize=11)
    axes.set_xlabel(f"{machine['cores']} × {machine['cpu']}, Python {machine['python']}", fontsize=8)
    picture.savefig(folder / f"bench-{row.id}.png", dpi=120)
