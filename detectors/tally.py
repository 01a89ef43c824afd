"""What is counted of one cluster, post by post."""

from collections.abc import Callable, Container, Iterable
from hashlib import blake2b
from operator import attrgetter
from typing import Self

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


class _Named(msgspec.Struct, array_like=True, gc=False):
    """The post that first wrote a text."""

    identity: int


class _Wording(_Named, array_like=True, gc=False):
    """A text of the cluster: the post that first wrote it, and how many did."""

    sample: bytes
    """Empty in a packed tally that holds it anyhow, as one of those that people may be shown."""
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


class _Pointing(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """Which posts a packed tally shows: it stands first, and the rest need not be decoded for it."""

    shown: list[int]
    variants: dict[int, _Named]


class Tally(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """One cluster with two posts or more; `pack` makes a third of its bytes of it while nothing joins it."""

    shown: list[int] = []
    """Identities of the posts that people may be shown, and in `samples` these posts."""
    variants: dict[int, _Wording] = {}
    """Texts by the hash of their normalised form: 64 bits that an author can't aim at, Python's of bytes."""
    name: str
    """Its id."""
    exact: bool
    """Whether it matches only itself."""
    n_posts: int = 0
    n_reposts: int
    n_redactions: int = 0
    told: int
    """`version` of the last snapshot."""
    due_at: int = 2
    """Posts at which the next one is due."""
    exemplars: list[int]
    """Numbers of the texts that stand for the cluster."""
    texts: list[bytes]
    """They; left out of a packed tally."""
    first_ms: int
    last_ms: int = 0
    slots: dict[int, int] = {}
    accounts: AccountTally
    samples: list[bytes] = []
    """Of a packed tally without the first, which stands with the post that opened the cluster."""
    redacted: frozenset[int] = _NONE
    """Identities of deleted posts whose texts are gone."""
    hashtags: dict[str, int] = {}
    urls: dict[str, int] = {}
    platforms: _Counts = ""
    langs: _Counts = ""

    @classmethod
    def opened(cls, number: int, first: Member, name: str, *, exact: bool, n_reposts: int) -> Self:
        """That of a cluster which gets its second post; the first one is still to be added.

        Args:
            number: The cluster's, which is its first exemplar's.
            first: The post that opened it.
            name: Its id.
            exact: Whether it matches only itself.
            n_reposts: Reposts that came while it was alone.
        """
        return cls(
            name=name,
            exact=exact,
            n_reposts=n_reposts,
            told=n_reposts,
            exemplars=[number],
            texts=[first.norm],
            first_ms=first.event_ms,
            accounts=AccountTally(),
        )

    def pack(self) -> bytes | None:
        """All but what `unpack` is given; the object is of no use after it. None: it can't be packed."""
        if self.accounts.is_estimated:
            return None
        for wording in self.variants.values():
            if wording.identity in self.shown:
                wording.sample = b""
        if self.shown[0] not in self.redacted:
            self.samples[0] = b""
        self.texts = []
        return _pack(self)

    @staticmethod
    def unpack(packed: bytes, norm: Callable[[int], bytes], opener: Callable[[int], bytes]) -> "Tally":
        """What was packed.

        Args:
            packed: It.
            norm: Normalised text of an exemplar by its number.
            opener: Sample of the post that opened a cluster by its number, as it came.
        """
        tally = _unpack(packed)
        tally.texts = [norm(number) for number in tally.exemplars]
        tally.samples[0] = tally.samples[0] or opener(tally.exemplars[0])
        samples = dict(zip(tally.shown, tally.samples, strict=True))
        for wording in tally.variants.values():
            wording.sample = wording.sample or samples[wording.identity]
        return tally

    @property
    def version(self) -> int:
        """Grows with every change."""
        return self.n_posts + self.n_reposts + self.n_redactions

    @property
    def is_dirty(self) -> bool:
        """Whether it changed since the last snapshot."""
        return self.version != self.told

    def add_exemplar(self, number: int, norm: bytes) -> None:
        """One more text that stands for the cluster, and its number."""
        self.exemplars.append(number)
        self.texts.append(norm)

    def add(self, post: Member, slot: int, deleted: Container[int]) -> None:
        """Count a post; its text is not kept if its identity is in `deleted`."""
        n_before = self.n_posts
        self.n_posts = n_before + 1
        event_ms, identity, packed, wording = post.event_ms, post.identity, post.sample, hash(post.norm)
        self.last_ms = max(self.last_ms, event_ms)
        slots = self.slots
        slots[slot] = slots.get(slot, 0) + 1
        self.accounts.add(post.account, event_ms // 1000, post.flags)
        if identity in deleted:
            packed = _redacted(packed)
            self.redacted = frozenset(self.redacted.intersection(self._pointed_at()) | {identity})
        shown, samples = self.shown, self.samples
        if len(samples) == N_HEAD + N_TAIL:
            del shown[N_HEAD], samples[N_HEAD]
        shown.append(identity)
        samples.append(packed)
        counted: Counted
        variants = self.variants
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
            _count(self.hashtags, dict.fromkeys(map(str.casefold, counted.hashtags)))
        if counted.urls:
            _count(self.urls, dict.fromkeys(counted.urls))
        self.platforms = _count_one(self.platforms, counted.platform, n_before)
        self.langs = _count_one(self.langs, counted.lang or "und", n_before)

    def add_repost(self) -> None:
        """Count a pure repost; it changes nothing that is tested."""
        self.n_reposts += 1

    def redact(self, deleted: Container[int]) -> None:
        """Posts of these identities were deleted: their texts go from samples and variants."""
        gone = {i for i in self._pointed_at() if i in deleted and i not in self.redacted}
        if not gone:
            return
        self.redacted |= gone
        for place, identity in enumerate(self.shown):
            if identity in gone:
                self.samples[place] = _redacted(self.samples[place])
        for wording in self.variants.values():
            if wording.identity in gone:
                wording.sample = _redacted(wording.sample)
                wording.start = wording.sample.rindex(_NO_TEXT)
                wording.end = wording.start + len(_NO_TEXT)
        self.n_redactions += 1

    def _pointed_at(self) -> list[int]:
        """Identities of the posts whose texts are held."""
        return [*self.shown, *[wording.identity for wording in self.variants.values()]]

    def snapshot(self, partition: int, watermark_ms: int, ingest_ms: int) -> Snapshot:
        """All of it, as it stands; the next one is due at the next threshold."""
        self.told = version = self.version
        n_posts = self.n_posts
        self.due_at = next_snapshot_at(n_posts)
        wordings, redacted = [*self.variants.values()], self.redacted
        if len(wordings) > 1:
            wordings.sort(key=_by_posts, reverse=True)  # which leaves equal ones in order
            del wordings[N_VARIANTS:]
        exemplar = None
        for wording in wordings:
            if wording.identity not in redacted:
                exemplar = None if wording.identity == self.shown[0] else wording.sample
                break
        details = (  # `activity.Details`; its texts are copied as they stand
            self.samples,
            exemplar,
            [(Raw(w.sample[w.start : w.end]), w.n_posts) for w in wordings],
            _told(self.hashtags),
            _told(self.urls),
            _told(_as_dict(self.platforms, n_posts)),
            _told(_as_dict(self.langs, n_posts)),
        )
        return Snapshot(
            cluster=self.name,
            partition=partition,
            version=version,
            watermark_ms=watermark_ms,
            ingest_ms=ingest_ms,
            n_posts=n_posts,
            n_reposts=self.n_reposts,
            first_ms=self.first_ms,
            last_ms=self.last_ms,
            slots=sorted(self.slots.items()),
            accounts=self.accounts.to_bytes(),
            hyperloglog=self.accounts.registers(),
            exemplars=[norm.decode()[:MAX_EXEMPLAR_CHARS] for norm in self.texts],
            exact=self.exact,
            n_deleted=sum([identity in redacted for identity in self.shown]) if redacted else 0,
            details=pack_details(details),
        )


_pack = msgspec.msgpack.Encoder(enc_hook=AccountTally.to_bytes).encode
_unpack = msgspec.msgpack.Decoder(Tally, dec_hook=lambda _, packed: AccountTally(packed)).decode
_read_pointing = msgspec.msgpack.Decoder(_Pointing).decode


def points_at(packed: bytes, identities: set[int]) -> bool:
    """Whether a packed tally holds the text of one of these posts."""
    if not identities:
        return False
    pointing = _read_pointing(packed)
    named = [wording.identity for wording in pointing.variants.values()]
    return not (identities.isdisjoint(pointing.shown) and identities.isdisjoint(named))


def _redacted(packed: bytes) -> bytes:
    sample = read_sample(packed)
    return pack_sample(msgspec.structs.replace(sample, text="", hashtags=[], urls=[], deleted=True))


def _count(counts: dict[str, int], keys: Iterable[str]) -> dict[str, int]:
    """Count each key once, in place."""
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
