"""Near-duplicates of labelled clusters: which pairs share a cluster of ours, and which should not.

A pair of two documents of one labelled cluster is found when they share a cluster of ours; a
pair of two labelled clusters, of whatever kind, that does is false. Order decides which texts
become exemplars, so several random orders are tried and the worst counts.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Any, NamedTuple

from tests.eval.data import RealPost
from tests.eval.engine import clusters_of
from tests.eval.rows import SEED, Row, Setup, made_up

N_ORDERS = 10
N_DRAWS = 2000
MAX_CASES = 40
"""Of a row: the labelled clusters with most pairs amiss."""

COPIES, REWORDING = "copy-pasta", "rewording"


class Order(NamedTuple):
    """What one order of the documents gave.

    Attributes:
        found: Pairs found, by labelled cluster.
        false: Pairs of documents (their places in the file) that share a cluster and should not.
    """

    found: Counter[str]
    false: list[tuple[int, int]]


def measure(setup: Setup) -> list[Row]:
    """copies_recall, copies_false, rewording_recall."""
    posts = setup.data.posts("d3lta")
    labels = [label_of(post) for post in posts]
    kinds = {label: str(post.labels.get("kind")) for label, post in zip(labels, posts, strict=True)}
    pairs = Counter({label: n * (n - 1) // 2 for label, n in Counter(labels).items()})
    orders = [_try(posts, labels, seed) for seed in setup.track(range(N_ORDERS), "orders of near-duplicates")]
    n_false = [len(order.false) for order in orders]
    worst = orders[n_false.index(max(n_false))]
    lacks = made_up(posts)

    def recall(name: str, kind: str, reach: float) -> Row:
        mine = [label for label in pairs if kinds[label] == kind]
        shares = [_share(order.found, pairs, mine) for order in orders]
        least = orders[shares.index(min(shares))]
        low, high = _interval(least.found, pairs, mine)
        return Row(
            id=name,
            measure=f"pairs of {len(mine)} clusters of kind {kind} found, worst of {N_ORDERS} orders "
            f"(best {max(shares):.4f}; 95 % over clusters {low:.3f}-{high:.3f})",
            value=min(shares),
            unit="share",
            reach=f"≥ {reach}, no false pair",
            holds=min(shares) >= reach and not max(n_false),
            cases=list(_missed(least.found, pairs, mine)),
            made_up=lacks,
        )

    return [
        recall("copies_recall", COPIES, 0.99),
        Row.judged(
            id="copies_false",
            measure=f"pairs of different clusters that share one of ours, of {_n_apart(pairs, labels):,}, "
            f"most of {N_ORDERS} orders",
            value=max(n_false),
            unit="pairs",
            reach="≤ 0",
            cases=[_pair(posts, labels, pair) for pair in worst.false[:MAX_CASES]],
            made_up=lacks,
        ),
        recall("rewording_recall", REWORDING, 0.837),
    ]


def label_of(post: RealPost) -> str:
    """Its label; without one the number in its id // 10, as D3lta numbers documents."""
    if post.labels.get("cluster") is not None:
        return str(post.labels["cluster"])
    return str(int("".join(filter(str.isdigit, post.id.rpartition("-")[2])) or 0) // 10)


def _try(posts: list[RealPost], labels: list[str], seed: int) -> Order:
    order = list(range(len(posts)))
    random.Random(f"{SEED}/{seed}").shuffle(order)
    values = [
        posts[place].record(id=str(place), created_at=posts[0].at_ms + 1000 * i)
        for i, place in enumerate(order)
    ]
    clusters = clusters_of(values)
    ours: dict[int, list[int]] = defaultdict(list)
    for i, place in enumerate(order):
        ours[clusters.content(i)].append(place)
    found: Counter[str] = Counter()
    false = []
    for members in ours.values():
        for a, b in combinations(members, 2):
            if labels[a] == labels[b]:
                found[labels[a]] += 1
            else:
                false.append((a, b))
    return Order(found, false)


def _share(found: Counter[str], pairs: Counter[str], labels: Iterable[str]) -> float:
    labels = list(labels)
    total = sum(pairs[label] for label in labels)
    return sum(found[label] for label in labels) / total if total else float("nan")


def _interval(found: Counter[str], pairs: Counter[str], labels: list[str]) -> tuple[float, float]:
    """95 % of the share, had other clusters of the kind been drawn (bootstrap)."""
    rng = random.Random(SEED)
    draws = sorted(_share(found, pairs, rng.choices(labels, k=len(labels))) for _ in range(N_DRAWS))
    return draws[N_DRAWS // 40], draws[-1 - N_DRAWS // 40]


def _n_apart(pairs: Counter[str], labels: list[str]) -> int:
    return len(labels) * (len(labels) - 1) // 2 - pairs.total()


def _missed(found: Counter[str], pairs: Counter[str], labels: list[str]) -> Iterable[dict[str, Any]]:
    by_loss: Callable[[str], int] = lambda label: found[label] - pairs[label]  # noqa: E731
    for label in sorted(labels, key=by_loss)[:MAX_CASES]:
        if found[label] < pairs[label]:
            yield {"cluster": label, "pairs": pairs[label], "missed": pairs[label] - found[label]}


def _pair(posts: list[RealPost], labels: list[str], pair: tuple[int, int]) -> dict[str, Any]:
    return {"clusters": [labels[i] for i in pair], "texts": [posts[i].text for i in pair]}
