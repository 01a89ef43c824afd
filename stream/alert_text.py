"""How an alert reads for the person it woke: pure, `Alert` in, plain text out.

The first line alone tells how grave, what, how many, since when. Then come the words
themselves, the numbers, how sure we are and why, where to look, what to do. Evidence is told as
counts, and missing evidence is said to be missing: "no sign" and "no data" are different news.

Posts' texts are hostile; each passes `stream.safe_text` on its way here, and links are shown as
text, never as a terminal hyperlink. Nothing is escaped for any markup: print `describe` as it
is, or `styled`, which is a ``rich.text.Text`` and so is never parsed for markup.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import takewhile

from rich.text import Text

from detectors.alert import Alert, AlertReason, Muted, Severity, Share, Shown
from stream.safe_text import clean, quote, shown

HEADLINE_CELLS = 64
"""Columns of the quotation in the first line: 160 columns hold all of it."""
QUOTE_CELLS = 600
VARIANT_CELLS = 100
SHARED_CHARS = 20
"""What a second wording repeats of the first before they part."""
WORD_CELLS = 40
LINK_CELLS = 120
ID_CELLS = 64
WHY_CELLS = 200
N_VARIANTS, N_HASHTAGS, N_LINKS, N_KEYS = 5, 10, 5, 6
PACE_BARS = 40

LOOKS_COORDINATED, SOME_SIGNS = 0.5, 0.2
"""Coordination scores from which the verdict changes (the first is the detector's default)."""
FEW_AGES = 5
"""Fewer known ages prove nothing (`detectors.evidence.MIN_KNOWN_AGES`)."""
TOLD_LATE_S = 60.0
SURE_NOVELTY = 300.0
"""The detector stops counting here."""

_REASONS = {
    AlertReason.FIRST: "rings",
    AlertReason.GREW: "grew",
    AlertReason.RESOLVED: "resolved",
    AlertReason.MERGED: "merged into an older burst",
    AlertReason.REPEAT: "still rings, its content changed",
    AlertReason.MUTED: "still rings, muted now",
    AlertReason.UNMUTED: "still rings, no longer muted",
}
_STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "bold cyan"}
_BARS = "▁▂▃▄▅▆▇█"
_SPAM = "One account repeats itself: spam, no burst, listed because `ring_spam` is on."
_DELETED = "(text deleted by its author)"


def headline(alert: Alert) -> str:
    """The first line: severity, reason, what, how many, since when."""
    counts = f"{_n(alert.posts, 'post')} by {account_count(alert)}"
    said = _quoted(alert, HEADLINE_CELLS)
    mark = ", muted" if alert.muted_by is not None and alert.reason is not AlertReason.MUTED else ""
    return f"{alert.severity.upper()} {_REASONS[alert.reason]}{mark}: {said}, {counts} {period(alert)}"


def describe(alert: Alert) -> str:
    """The whole alert as plain text, without a newline at its end."""
    lines = [headline(alert), *(f"  {note}" for note in notes(alert))]
    for title, section in _sections(alert):
        lines += ["", title, *(f"  {line}" for line in section)]
    return "\n".join(lines)


def styled(alert: Alert) -> Text:
    """`describe` with a coloured first line and bold titles; markup in posts stays text."""
    titles = {title for title, _ in _sections(alert)}
    text = Text()
    for number, line in enumerate(describe(alert).split("\n")):
        style = _STYLES[alert.severity] if number == 0 else "bold" if line in titles else ""
        text.append(line + "\n", style)
    text.rstrip()
    return text


def styled_headline(alert: Alert) -> Text:
    """`headline`, coloured by severity."""
    return Text(headline(alert), _STYLES[alert.severity])


def _sections(alert: Alert) -> Iterator[tuple[str, list[str]]]:
    yield "What it says", list(_words(alert))
    yield "How many", list(_numbers(alert))
    yield "How sure", list(evidence(alert))
    yield "Where to look", list(_places(alert))
    yield "What next", list(advice(alert))


def notes(alert: Alert) -> Iterator[str]:
    """What changes how urgent it is."""
    if alert.late > TOLD_LATE_S:
        yield f"Told late: written {_span(alert.late)} after its post; the worker is catching up."
    if alert.muted_by is not None:
        yield muted(alert.muted_by)
    if alert.merged_into is not None:
        yield f"It goes on as part of {shown(alert.merged_into, ID_CELLS)}."


def muted(by: Muted) -> str:
    """Who keeps a burst from waking people, until when and why, in one line."""
    until = "" if by.until is None else f" until {clock(by.until)}"
    what = "Called a known template" if by.kind == "known" else "Muted"
    why = f" ({shown(by.why, WHY_CELLS)})" if by.why else ""
    undo = f"Undo: tocsin unmute {shown(by.ruling[:8], ID_CELLS)}"
    return f"{what} by {shown(by.by, ID_CELLS)}{until}{why}: it wakes nobody. {undo}"


# --- what it says --------------------------------------------------------------------------


def _words(alert: Alert) -> Iterator[str]:
    yield _quoted(alert, QUOTE_CELLS)
    if alert.exemplar.deleted and text_of(alert):
        yield "the post that stood for it was deleted by its author; these are the words of others"
    variants = alert.variants
    if len(variants) > 1:
        more = f"the {N_VARIANTS} commonest wordings" if len(variants) > N_VARIANTS else "its wordings"
        yield f"{more}:"
        yield f"  {variants[0].posts:,} × {quote(variants[0].text, VARIANT_CELLS)}"
        for variant in variants[1:N_VARIANTS]:
            told = _from_difference(variant.text, variants[0].text)
            yield f"  {variant.posts:,} × {quote(told, VARIANT_CELLS)}"
    if alert.hashtags:
        tags = (f"#{shown(tag, WORD_CELLS)}" for tag in alert.hashtags[:N_HASHTAGS])
        yield f"hashtags: {' '.join(tags)}{_more(alert.hashtags, N_HASHTAGS)}"
    if alert.urls:
        links = "  ".join(shown(url, LINK_CELLS) for url in alert.urls[:N_LINKS])
        yield f"links to: {links}{_more(alert.urls, N_LINKS)}"


def _from_difference(text: str, other: str) -> str:
    """`text` from a few words before it parts from `other`: shortened, both would look alike."""
    text, other = clean(text), clean(other)
    n_same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text, other, strict=False)))
    start = text.rfind(" ", 0, max(0, n_same - SHARED_CHARS)) + 1
    return f"…{text[start:]}" if start and n_same > VARIANT_CELLS // 2 else text


def _more(items: Sequence[str], n_shown: int) -> str:
    return f" and {len(items) - n_shown} more" if len(items) > n_shown else ""


def _quoted(alert: Alert, max_cells: int) -> str:
    said = text_of(alert)
    return _DELETED if said is None else quote(said, max_cells)


def text_of(alert: Alert) -> str | None:
    """The text that stands for the burst; of others once its own post was deleted, None if all were."""
    for post in (alert.exemplar, *alert.samples):
        if not post.deleted:
            # A clipped text ends in the middle: say so even where all we have of it fits.
            return post.text + ("…" if post.clipped else "")
    return alert.variants[0].text if alert.variants else None


# --- how many ------------------------------------------------------------------------------


def _numbers(alert: Alert) -> Iterator[str]:
    reposts = f" and {_n(alert.reposts, 'plain repost')}" if alert.reposts else ""
    yield f"{_n(alert.posts, 'post')}{reposts} by {account_count(alert)}"
    if alert.status == "firing":
        rate, before = per_minute(alert.rate_per_min), per_minute(alert.baseline_per_min)
        yield f"{rate} posts/min over the last 5 minutes against {before} before"
    yield _pace(alert)
    if alert.platforms:
        yield f"on {_shares(alert.platforms)}"
    if alert.langs:
        yield f"languages: {_shares(alert.langs).replace('und ', 'unknown ')}"


def _shares(counts: dict[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    told = ", ".join(f"{shown(key, WORD_CELLS)} {n:,}" for key, n in ranked[:N_KEYS])
    return told + (f" and {len(ranked) - N_KEYS} more" if len(ranked) > N_KEYS else "")


def _pace(alert: Alert) -> str:
    series = alert.series
    per_bar = -(-len(series.counts) // PACE_BARS)
    bars = [sum(series.counts[i : i + per_bar]) for i in range(0, len(series.counts), per_bar)]
    peak, step_s = max(bars, default=0), per_bar * series.slot_s
    if not peak:
        return "no pace known"
    drawn = "".join(" " if n == 0 else _BARS[(n * len(_BARS) - 1) // peak] for n in bars)
    at = datetime.fromtimestamp(series.start.timestamp() + bars.index(peak) * step_s, UTC)
    return (
        f"pace, a bar every {_span(step_s)} from {clock(series.start)}: |{drawn}| peak {peak:,} at {at:%H:%M}"
    )


# --- how sure ------------------------------------------------------------------------------


def evidence(alert: Alert) -> Iterator[str]:
    """How sure we are and why: a verdict, then each count on a line that begins with “- ”."""
    parts = alert.coordination
    if alert.accounts == 1:
        yield _SPAM
    elif alert.status == "firing":
        yield _verdict(alert)
    if alert.status != "firing":
        yield f"At its gravest it was {alert.severity}. Of its accounts and posts, over its whole life:"
    if not alert.accounts_exact:
        yield f"- counts by account below are of {parts.recurring_accounts.of:,} accounts, not of all"
    yield f"- {_ages(alert)}"
    if alert.status == "firing" and parts.repeating_accounts.of:
        yield f"- {_repeats(parts.repeating_accounts)}"
    recurring = parts.recurring_accounts
    if recurring.n:
        bursts = _n(parts.linked_bursts, "other burst")
        sit = "sits" if recurring.n == 1 else "sit"
        yield f"- {recurring.n:,} of {_n(recurring.of, 'account')} also {sit} in {bursts} linked to this one"
    else:
        yield "- none of its accounts sits in another burst linked to this one"
    if alert.status == "firing":
        yield f"- {_n(parts.accounts_5min, 'account')} posted it in the last 5 minutes"
    same = parts.identical_posts
    yield f"- {same.n:,} of {_n(same.of, 'post')} share one wording"
    if alert.status == "firing":
        yield f"- {_surprise(alert.novelty, alert.window_s)}"
    if alert.campaign:
        campaign = alert.campaign
        shared = _n(campaign.shared_accounts, "account")
        others = _n(len(campaign.bursts), "burst")
        yield f"- part of campaign {shown(campaign.id, ID_CELLS)}: {others} with {shared} in common"


def _verdict(alert: Alert) -> str:
    score = alert.coordination.score
    told = f"{score:.2f} on a scale of 0 to 1"
    if score >= LOOKS_COORDINATED:
        return f"It looks coordinated: {told}."
    if alert.severity is Severity.CRITICAL:
        return f"It looked coordinated when it became critical; now the signs are weaker: {told}."
    if score >= SOME_SIGNS:
        return f"Some signs of coordination, not enough to call it that: {told}."
    if alert.coordination.new_accounts.of < FEW_AGES:
        return (
            f"No sign of coordination ({told}), but with account ages unknown it can't be ruled out: "
            "a headline that many people share, or a campaign whose accounts post once each."
        )
    return f"No sign of coordination ({told}): it looks like a headline that many people share."


def _ages(alert: Alert) -> str:
    new, feed = alert.coordination.new_accounts, _percent(alert.coordination.feed_new_ratio)
    if not new.of:
        return "account ages unknown: the feed does not tell them"
    are = "is" if new.of == 1 else "are"
    told = f"{new.n:,} of {_n(new.of, 'account')} with a known age {are} under 30 days old (feed: {feed})"
    return told + ("; too few to judge by" if new.of < FEW_AGES else "")


def _repeats(share: Share) -> str:
    active = f"{_n(share.of, 'account')} active in the last 15 minutes"
    return f"{f'{share.n:,}' if share.n else 'none'} of {active} posted it twice or more"


def _surprise(novelty: float, window_s: int) -> str:
    if novelty <= 0:
        return "no surprise: its own past explains the rate, or the feed is too young to tell"
    if novelty >= SURE_NOVELTY:
        return f"a rate that its own past would not give once in 10^300 (over {_span(window_s)})"
    odds = f"{float(f'{10**novelty:.1g}'):,.0f}" if novelty < 5 else f"10^{novelty:.0f}"
    return f"a rate that its own past would give once in {odds} (over {_span(window_s)})"


# --- where to look, what next --------------------------------------------------------------


def _places(alert: Alert) -> Iterator[str]:
    yield f"first post:   {_place(alert.first_post, alert.updated_at)}"
    newest = max(alert.samples, key=lambda post: post.created_at, default=alert.first_post)
    if newest.id != alert.first_post.id:
        yield f"newest known: {_place(newest, alert.updated_at)}"


def _place(post: Shown, now: datetime) -> str:
    where = shown(post.url, LINK_CELLS) if post.url else f"id {shown(post.id, ID_CELLS)} (no link known)"
    gone = ", since deleted" if post.deleted else ""
    platform = shown(post.platform, WORD_CELLS)
    return f"{where} on {platform}, {clock(post.created_at)} ({ago(post.created_at, now)}{gone})"


def advice(alert: Alert) -> Iterator[str]:
    """What to do, and how to name the alert."""
    coordinated = alert.coordination.score >= LOOKS_COORDINATED
    if alert.reason is AlertReason.MERGED:
        yield "Nothing here: follow the older burst named above, it carries the count on."
    elif alert.status == "resolved":
        yield "Nothing urgent: it has been quiet. It rings again under the same id if it comes back."
    elif alert.muted_by is not None:
        yield "Nothing: it is muted. Listed here so that a mute hides nothing."
    elif alert.severity is Severity.CRITICAL:
        yield "Now: open the first and the newest post and a few of their accounts."
        yield "If they look fake or steered: warn those the text is about, save the posts (they get deleted)."
        yield "If it is harmless (a fan vote, an app, a news wire): leave it; it ends by itself."
    elif alert.severity is Severity.WARNING and coordinated:
        yield "Today, not tonight: open both posts; a small or slow group of accounts says the same thing."
        yield "It becomes critical by itself if it gathers speed."
    elif alert.severity is Severity.WARNING:
        yield "When you are at your desk: most likely news. Look whether the accounts look alike."
        yield "It becomes critical only if signs of coordination join the speed."
    elif alert.accounts == 1:
        yield "Nothing: listed as asked for. It becomes a burst if other accounts join in."
    else:
        yield "Nothing: listed so that you can find it. It becomes a warning by itself if it grows."
    alert_id = shown(alert.id, ID_CELLS)
    detector = f"detector {shown(alert.detector.version, WORD_CELLS)}"
    yield f"id {alert_id}, message {alert.seq:,} about it, {detector}; again: tocsin alerts {alert_id}"


# --- numbers and times ---------------------------------------------------------------------


def _n(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def account_count(alert: Alert) -> str:
    """“60 accounts”; “about 12,000 accounts” where they are estimated."""
    if alert.accounts_exact:
        return _n(alert.accounts, "account")
    return f"about {int(float(f'{alert.accounts:.2g}')):,} accounts"


def per_minute(per_min: float) -> str:
    """A rate in two significant digits, “none” for 0."""
    if per_min <= 0:
        return "none"
    if per_min < 0.001:
        return "less than 0.001"
    return f"{per_min:,.0f}" if per_min >= 10 else f"{float(f'{per_min:.2g}'):g}"


def _percent(ratio: float) -> str:
    return f"{float(f'{100 * ratio:.2g}'):g} %"


def period(alert: Alert) -> str:
    """Since when and how long ago; from when to when once it has ended."""
    start = alert.starts_at
    if alert.ends_at is None:
        return f"since {clock(start)} ({ago(start, alert.updated_at)})"
    end = alert.ends_at
    same_day = start.astimezone(UTC).date() == end.astimezone(UTC).date()
    until = f"{end.astimezone(UTC):%H:%M} UTC" if same_day else clock(end)
    lasted = _span((end - start).total_seconds())
    return f"from {clock(start)} to {until} ({lasted})"


def clock(moment: datetime) -> str:
    """A moment to the minute, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def ago(moment: datetime, now: datetime) -> str:
    """How long before `now`."""
    seconds = (now - moment).total_seconds()
    return "just now" if seconds < 1 else f"{_span(seconds)} ago"


def _span(seconds: float) -> str:
    """A length of time in its one or two largest units."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h" if hours else f"{days} days"
