"""What is counted of one cluster, post by post."""

from array import array
from collections.abc import Container, Iterable
from hashlib import blake2b
from operator import attrgetter

import msgspec
from msgspec import Raw

from detectors.accounts import AccountTally
from detectors.activity import Snapshot, pack_details
from detectors.rows import Counted, pack_sample, read_counted, read_sample, read_worded

N_HEAD = 5
"""First posts kept as samples."""
N_TAIL = 5
"""Latest posts kept as samples."""
MAX_KEYS = 64
"""Distinct variants, hashtags, links counted; later ones go uncounted."""
SHOWN_KEYS = 20
N_VARIANTS = 10
"""Wordings that are told, the commonest first."""
MAX_EXEMPLAR_CHARS = 4_000
"""Of a text that is sent on for merging; keeps a message far below Kafka's 1 MB."""
_NONE: frozenset[int] = frozenset()
_EMPTY: dict[str, int] = {}
"""Of tallies that have none: half of them; a dictionary takes 64 bytes with nothing in it."""
_NO_TEXT = msgspec.msgpack.encode("")
_by_posts = attrgetter("n_posts")
_Counts = dict[str, int] | str
"""Posts by what each has one of; while all have the same, that alone."""
EVERY_UNTIL = 32
"""A snapshot at each post up to this count, then at each growth by a quarter (design)."""


class Member(msgspec.Struct, gc=False):
    """One post on its way into a tally."""

    identity: int
    account: int
    event_ms: int
    ingest_ms: int
    flags: int
    norm: bytes
    sample: bytes
    """MessagePack of `rows.Sample`."""


class _Wording(msgspec.Struct, gc=False):
    """A text of the cluster: the post that first wrote it, and how many did."""

    identity: int
    sample: bytes
    start: int
    """Where the text begins in the sample, as MessagePack; of its own it would take most of a tally."""
    end: int
    n_posts: int


def cluster_id(identity: int, partition: int, epoch: int) -> str:
    """Name of the cluster that a post opened: 20 hex digits, the same after any replay."""
    return blake2b(f"{identity:016x}/{partition}/{epoch}".encode(), digest_size=10).hexdigest()


def next_snapshot_at(n_posts: int) -> int:
    """Count at which the next snapshot is due: each of 2…32, then every ×1.25."""
    return n_posts + 1 if n_posts < EVERY_UNTIL else -(-n_posts * 5 // 4)


class Tally:
    """One cluster with two posts or more.

    Args:
        first: The post that opened it.
        name: Its id.
        exact: Whether it matches only itself.
        n_reposts: Reposts that came while it was alone.
    """

    __slots__ = (
        "_accounts",
        "_first_ms",
        "_hashtags",
        "_langs",
        "_last_ms",
        "_n_redactions",
        "_platforms",
        "_redacted",
        "_samples",
        "_shown",
        "_slots",
        "_told",
        "_urls",
        "_variants",
        "due_at",
        "exact",
        "exemplars",
        "n_posts",
        "n_reposts",
        "name",
    )

    def __init__(self, first: Member, name: str, *, exact: bool, n_reposts: int) -> None:
        self.name = name
        self.exact = exact
        self.n_posts = 0
        self.n_reposts = n_reposts
        self._n_redactions = 0
        self._told = n_reposts
        """`version` of the last snapshot."""
        self.due_at = 2
        self.exemplars: list[bytes] = []
        self._first_ms = first.event_ms
        self._last_ms = 0
        self._slots: dict[int, int] = {}
        self._accounts = AccountTally()
        self._shown = array("Q")
        """Identities of the posts that people may be shown, and in `_samples` these posts."""
        self._samples: list[bytes] = []
        self._redacted = _NONE
        """Identities of deleted posts whose texts are gone."""
        self._variants: dict[int, _Wording] = {}
        """By the hash of their normalised text: 64 bits that an author can't aim at, Python's of bytes."""
        self._hashtags = self._urls = _EMPTY
        self._platforms: _Counts = ""
        self._langs: _Counts = ""
        self.add_exemplar(first.norm)

    @property
    def version(self) -> int:
        """Grows with every change."""
        return self.n_posts + self.n_reposts + self._n_redactions

    @property
    def is_dirty(self) -> bool:
        """Whether it changed since the last snapshot."""
        return self.version != self._told

    def add_exemplar(self, norm: bytes) -> None:
        """One more text that stands for the cluster."""
        is_long = len(norm) > MAX_EXEMPLAR_CHARS
        self.exemplars.append(norm.decode()[:MAX_EXEMPLAR_CHARS].encode() if is_long else norm)

    def add(self, post: Member, slot: int, deleted: Container[int]) -> None:
        """Count a post; its text is not kept if its identity is in `deleted`."""
        n_before = self.n_posts
        self.n_posts = n_before + 1
        event_ms, identity, packed, wording = post.event_ms, post.identity, post.sample, hash(post.norm)
        self._last_ms = max(self._last_ms, event_ms)
        slots = self._slots
        slots[slot] = slots.get(slot, 0) + 1
        self._accounts.add(post.account, event_ms // 1000, post.flags)
        if identity in deleted:
            packed = _redacted(packed)
            self._redacted = frozenset(self._redacted.intersection(self._pointed_at()) | {identity})
        shown, samples = self._shown, self._samples
        if len(samples) == N_HEAD + N_TAIL:
            del shown[N_HEAD], samples[N_HEAD]
        shown.append(identity)
        samples.append(packed)
        counted: Counted
        variants = self._variants
        variant = variants.get(wording)
        if variant is None and len(variants) < MAX_KEYS:
            counted = worded = read_worded(packed)
            start = packed.rindex(worded.text)
            variants[wording] = _Wording(identity, packed, start, start + len(worded.text), 1)
        else:
            counted = read_counted(packed)
            if variant is not None:
                variant.n_posts += 1
        # Not through sets of strings: their order is another in every process, and keys are bounded.
        if counted.hashtags:
            self._hashtags = _count(self._hashtags, dict.fromkeys(map(str.casefold, counted.hashtags)))
        if counted.urls:
            self._urls = _count(self._urls, dict.fromkeys(counted.urls))
        self._platforms = _count_one(self._platforms, counted.platform, n_before)
        self._langs = _count_one(self._langs, counted.lang or "und", n_before)

    def add_repost(self) -> None:
        """Count a pure repost; it changes nothing that is tested."""
        self.n_reposts += 1

    def redact(self, deleted: Container[int]) -> None:
        """Posts of these identities were deleted: their texts go from samples and variants."""
        gone = {i for i in self._pointed_at() if i in deleted and i not in self._redacted}
        if not gone:
            return
        self._redacted |= gone
        for place, identity in enumerate(self._shown):
            if identity in gone:
                self._samples[place] = _redacted(self._samples[place])
        for wording in self._variants.values():
            if wording.identity in gone:
                wording.sample = _redacted(wording.sample)
                wording.start = wording.sample.rindex(_NO_TEXT)
                wording.end = wording.start + len(_NO_TEXT)
        self._n_redactions += 1

    def _pointed_at(self) -> list[int]:
        """Identities of the posts whose texts are held."""
        return [*self._shown, *[wording.identity for wording in self._variants.values()]]

    def snapshot(self, partition: int, watermark_ms: int, ingest_ms: int) -> Snapshot:
        """All of it, as it stands; the next one is due at the next threshold."""
        self._told = version = self.version
        n_posts = self.n_posts
        self.due_at = next_snapshot_at(n_posts)
        wordings, redacted = [*self._variants.values()], self._redacted
        if len(wordings) > 1:
            wordings.sort(key=_by_posts, reverse=True)  # which leaves equal ones in order
            del wordings[N_VARIANTS:]
        exemplar = None
        for wording in wordings:
            if wording.identity not in redacted:
                exemplar = None if wording.identity == self._shown[0] else wording.sample
                break
        details = (  # `activity.Details`; its texts are copied as they stand
            self._samples,
            exemplar,
            [(Raw(w.sample[w.start : w.end]), w.n_posts) for w in wordings],
            _told(self._hashtags),
            _told(self._urls),
            _told(_as_dict(self._platforms, n_posts)),
            _told(_as_dict(self._langs, n_posts)),
        )
        return Snapshot(
            cluster=self.name,
            partition=partition,
            version=version,
            watermark_ms=watermark_ms,
            ingest_ms=ingest_ms,
            n_posts=n_posts,
            n_reposts=self.n_reposts,
            first_ms=self._first_ms,
            last_ms=self._last_ms,
            slots=sorted(self._slots.items()),
            accounts=self._accounts.to_bytes(),
            hyperloglog=self._accounts.registers(),
            exemplars=[norm.decode() for norm in self.exemplars],
            exact=self.exact,
            n_deleted=sum([identity in redacted for identity in self._shown]) if redacted else 0,
            details=pack_details(details),
        )


def _redacted(packed: bytes) -> bytes:
    sample = read_sample(packed)
    return pack_sample(msgspec.structs.replace(sample, text="", hashtags=[], urls=[], deleted=True))


def _count(counts: dict[str, int], keys: Iterable[str]) -> dict[str, int]:
    """Count each key once; what to go on with in place of `counts`."""
    if counts is _EMPTY:
        counts = {}
    for key in keys:
        n = counts.get(key, 0)
        if n or len(counts) < MAX_KEYS:
            counts[key] = n + 1
    return counts


def _count_one(counts: _Counts, key: str, n_before: int) -> _Counts:
    """The same for what every post has one of; `n_before` posts were counted."""
    if counts == key or not n_before:
        return key
    return _count(_as_dict(counts, n_before), (key,))


def _as_dict(counts: _Counts, n_posts: int) -> dict[str, int]:
    return {counts: n_posts} if isinstance(counts, str) else counts


def _told(counts: dict[str, int]) -> dict[str, int]:
    """In any order: who shows them puts them in theirs. As they stand, so not to be changed."""
    return counts if len(counts) <= SHOWN_KEYS else top(counts)


def top(counts: dict[str, int]) -> dict[str, int]:
    """The commonest, in order."""
    if len(counts) < 2:
        return counts
    keys = sorted(counts)
    keys.sort(key=counts.__getitem__, reverse=True)  # which leaves equal ones in order
    return {key: counts[key] for key in keys[:SHOWN_KEYS]}
