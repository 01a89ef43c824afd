"""A tally counted plainly, for the compiled one to be compared with."""

from collections import Counter
from collections.abc import Container

import msgspec

from detectors.activity import Details, Snapshot, Variant, pack_details
from detectors.merge import top
from detectors.rows import Sample, pack_sample, read_sample
from detectors.tally_kernel import MAX_KEYS, N_HEAD, N_TAIL, next_snapshot_at
from detectors.telling_kernel import MAX_EXEMPLAR_CHARS, N_VARIANTS
from support.members import Member

_Row = list[int]


class PlainTally:
    """One cluster, all of whose posts are kept; fewer accounts than are estimated."""

    def __init__(self, name: str, n_reposts: int) -> None:
        self.name = name
        self.posts: list[Member] = []
        self.counted: list[Sample] = []
        self.slots: Counter[int] = Counter()
        self.accounts: dict[int, _Row] = {}
        self.texts: list[bytes] = []
        self.gone: set[int] = set()
        self.n_reposts = self.told = n_reposts
        self.n_redactions = 0
        self.due_at = 2

    @property
    def version(self) -> int:
        """Grows with every change."""
        return len(self.posts) + self.n_reposts + self.n_redactions

    @property
    def is_dirty(self) -> bool:
        """Whether it changed since the last snapshot."""
        return self.version != self.told

    def add(self, post: Member, slot: int, deleted: Container[int], *, is_exemplar: bool = False) -> None:
        """Count a post."""
        if post.identity in deleted:
            self.gone.add(post.identity)
        self.posts.append(post)
        self.counted.append(self._sample(post))
        self.slots[slot] += 1
        at_s = post.event_ms // 1000
        row = self.accounts.setdefault(post.account, [0, 0, 0, 0])
        row[0], row[1] = sorted((row[0], row[1], at_s), reverse=True)[:2]
        row[2], row[3] = row[2] + 1, row[3] | post.flags
        if is_exemplar:
            self.texts.append(post.norm)

    def redact(self, deleted: Container[int]) -> None:
        """Posts of these identities were deleted."""
        held = {post.identity for post in [*self._shown(), *[post for post, _ in self._wordings()]]}
        gone = {identity for identity in held if identity in deleted} - self.gone
        self.gone |= gone
        self.n_redactions += bool(gone)

    def snapshot(self, partition: int, now_ms: int, ingest_ms: int) -> Snapshot:
        """All of it."""
        self.told, self.due_at = self.version, next_snapshot_at(len(self.posts))
        wordings = sorted(self._wordings(), key=lambda one: -one[1])[:N_VARIANTS]
        commonest = next((post for post, _ in wordings if post.identity not in self.gone), None)
        is_first = commonest is None or commonest.identity == self.posts[0].identity
        samples = self.counted
        details = Details(
            samples=[pack_sample(self._sample(post)) for post in self._shown()],
            exemplar=None if is_first or commonest is None else pack_sample(self._sample(commonest)),
            variants=[Variant(self._sample(post).text, n) for post, n in wordings],
            hashtags=_counted([{tag.casefold(): None for tag in sample.hashtags} for sample in samples]),
            urls=_counted([dict.fromkeys(sample.urls) for sample in samples]),
            platforms=_counted([{sample.platform: None} for sample in samples]),
            langs=_counted([{sample.lang or "und": None} for sample in samples]),
        )
        return Snapshot(
            cluster=self.name,
            partition=partition,
            version=self.version,
            watermark_ms=now_ms,
            ingest_ms=ingest_ms,
            n_posts=len(self.posts),
            n_reposts=self.n_reposts,
            first_ms=self.posts[0].event_ms,
            last_ms=max(post.event_ms for post in self.posts),
            slots=sorted(self.slots.items()),
            accounts=b"".join(
                account.to_bytes(8, "little")
                + b"".join(n.to_bytes(size, "little") for n, size in zip(row, (4, 4, 2, 1), strict=True))
                for account, row in self.accounts.items()
            ),
            hyperloglog=None,
            exemplars=[norm.decode()[:MAX_EXEMPLAR_CHARS] for norm in self.texts],
            exact=False,
            n_deleted=sum(post.identity in self.gone for post in self._shown()),
            details=pack_details(details),
        )

    def _shown(self) -> list[Member]:
        return self.posts[:N_HEAD] + self.posts[N_HEAD:][-N_TAIL:]

    def _wordings(self) -> list[tuple[Member, int]]:
        """First post of each text that is counted, and posts."""
        first: dict[bytes, Member] = {}
        for post in self.posts:
            first.setdefault(post.norm, post)
        counts = Counter(post.norm for post in self.posts)
        return [(post, counts[norm]) for norm, post in [*first.items()][:MAX_KEYS]]

    def _sample(self, post: Member) -> Sample:
        sample = read_sample(post.sample)
        if post.identity not in self.gone:
            return sample
        return msgspec.structs.replace(sample, text="", hashtags=[], urls=[], deleted=True)


def _counted(keys: list[dict[str, None]]) -> dict[str, int]:
    """The commonest of the first `MAX_KEYS`, each counted once a post."""
    counts: Counter[str] = Counter()
    for of_post in keys:
        counts.update(key for key in of_post if key in counts or len(counts) < MAX_KEYS)
    return top(dict(counts))
