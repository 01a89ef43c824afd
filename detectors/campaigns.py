"""Campaigns: bursts of different texts that share accounts, as one incident.

Two bursts are linked when chance shares as many accounts more rarely than `evidence.LINK_CHANCE`,
corrected for the bursts compared; whom a burst shares accounts with is counted exactly
(`SharedAccounts`). A burst joins the campaign of the oldest burst it is linked to when it is
first seen to be, and keeps it, so that a campaign's id never changes.

Assumptions: accounts keep their identity. Fails: before enough accounts posted both texts; for
accounts that post once each; legitimate syndication is a campaign, too; and A may share accounts
with B, B others with C.
"""

from collections.abc import Iterable

from detectors.alert import Campaign
from detectors.group import Group
from detectors.lifecycle import Ring
from detectors.shared import MIN_SHARED, SharedAccounts

MAX_BURSTS = 50
"""Named in an alert."""
MIN_SHARE = 0.25
"""Of the smaller burst's accounts, and `MIN_SHARED` at least. In the four scenarios (seed 7) the versions
of one campaign share 27 to 62 % from some 200 copies on; headlines of one small language's readers, more
than chance gives but no campaign, 14 to 19 %."""


def are_one(n_shared: int, n_a: int, n_b: int) -> bool:
    """Whether two linked bursts share so many accounts that they are told as one campaign.

    Args:
        n_shared: Accounts in both.
        n_a: Accounts of one.
        n_b: Accounts of the other.
    """
    return n_shared >= MIN_SHARED and n_shared >= MIN_SHARE * min(n_a, n_b)


def join(ring: Ring, group: Group, linked: Iterable[Group]) -> None:
    """Have a burst be of the campaign of the oldest burst among `linked`, and those that are of none, of its.

    Args:
        ring: What was told of the burst.
        group: The burst.
        linked: Groups that share more accounts with it than chance; those that never rang don't count.
    """
    mates = [(mate, mate.ring) for mate in linked if mate.ring is not None and mate.ring.seq]
    if mates and not ring.campaign:
        _, oldest = min([*mates, (group, ring)], key=lambda pair: (pair[0].first_ms, pair[1].id))
        ring.campaign = oldest.campaign or oldest.id
    for _, other in mates:
        other.campaign = other.campaign or ring.campaign


def campaign_of(
    ring: Ring, group: Group, members: Iterable[tuple[Group, Ring]], shared: SharedAccounts
) -> Campaign:
    """The campaign that a burst is of.

    Args:
        ring: What was told of the burst.
        group: The burst.
        members: All that are of it, and what was told of them.
        shared: Accounts of all that is remembered.
    """
    named = sorted([(other.first_ms, told.id, other.number) for other, told in members])
    others = {number for *_, number in named} - {group.number}
    return Campaign(
        id=ring.campaign,
        bursts=[name for _, name, _ in named][:MAX_BURSTS],
        shared_accounts=shared.n_shared_with(group.number, others),
    )
