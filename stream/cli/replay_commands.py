"""`tocsin scenario` and `tocsin replay`: make a feed, play a feed."""

import asyncio
import gzip
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

import click
import orjson
from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from stream import kafka
from stream.feeds import STDIN, NdjsonFeed
from stream.producer import MAX_BATCH_BYTES, MAX_MESSAGE_BYTES
from stream.replay import ReplayReport
from stream.replay import replay as play
from stream.scenarios import SCENARIOS, generate
from stream.settings import Settings, load_settings

_INTERRUPTED = 130
_WRITE_POSTS = 2000
_LINGER_MS = 20


class _Speed(click.ParamType):
    """A factor, or ``max``."""

    name = "max|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds of event time in a second; 0 for ``max``."""
        if value == "max":
            return 0.0
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if not 0 < speed < float("inf"):
            self.fail(f"{value!r} is neither max nor a number above 0", param, ctx)
        return speed


@click.command(context_settings={"show_default": True})
@click.argument("name", metavar="NAME", type=click.Choice(sorted(SCENARIOS)), required=False)
@click.option("--seed", type=int, default=7, help="Equal seeds give equal posts, byte for byte.")
@click.option("--out", metavar="FILE", help="Where to write: FILE, FILE.gz (compressed), or - for stdout.")
@click.option("--list", "list_", is_flag=True, help="List the scenarios and end.")
def scenario(name: str | None, seed: int, out: str | None, list_: bool) -> int:  # noqa: FBT001
    """Write a made-up feed with a campaign in it, as NDJSON.

    Every text in it is written by us; the campaign has the size, the hours and the hashtags
    of a real one. The field `scenario` of a post tells what it is, so results can be checked.

    \b
    tocsin scenario --list
    tocsin scenario new-caledonia --seed 7 --out posts.ndjson
    tocsin scenario new-caledonia --out - | tocsin replay - --speed max
    """  # noqa: D301 (click's mark for lines to leave alone)
    if list_:
        for known in SCENARIOS.values():
            click.echo(f"{known.name}: {known.summary}")
        return 0
    if name is None or out is None:
        raise click.UsageError("Say which scenario and where to write it: tocsin scenario NAME --out FILE")
    console = Console(stderr=True)
    with console.status(f"Making up {name}, seed {seed}…"):
        posts = generate(name, seed)
    try:
        with _output(out) as file, _bar(console) as bar:
            task = bar.add_task("writing", total=len(posts), note="")
            for start in range(0, len(posts), _WRITE_POSTS):
                chunk = posts[start : start + _WRITE_POSTS]
                file.write(b"".join(orjson.dumps(post, option=orjson.OPT_APPEND_NEWLINE) for post in chunk))
                bar.advance(task, len(chunk))
    except BrokenPipeError:
        # The reader has had enough (`| head`); Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    console.print(f"{len(posts):,} posts, {_span(posts[0]['created_at'], posts[-1]['created_at'])} → {out}")
    return 0


@contextmanager
def _output(out: str) -> Iterator[IO[bytes]]:
    """Where to write; a file appears under its name only once it is whole."""
    if out == STDIN:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = Path(f"{out}.part")
    try:
        with part.open("wb") as file:
            if out.endswith(".gz"):
                # Without name and time in it, equal seeds give equal files.
                with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                    yield cast("IO[bytes]", packed)
            else:
                yield file
        part.replace(out)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise click.FileError(out, error.strerror or str(error)) from error
    finally:
        part.unlink(missing_ok=True)


@click.command(context_settings={"show_default": True})
@click.argument("file", metavar="FILE")
@click.option("--speed", type=_Speed(), default="max", help="Times real time, by created_at; or max.")
def replay(file: str, speed: float) -> int:
    """Play a feed into Kafka: FILE of one JSON post a line, gzipped or not, or - for stdin.

    Posts go to the topic `posts` as they are, at the pace of their `created_at`: at speed 60
    a recorded hour takes a minute. Broker and topic prefix come from the settings (see
    `tocsin settings`). Ctrl-C ends the replay after what was sent is delivered, exit code 130.

    \b
    tocsin replay posts.ndjson --speed 60
    tocsin replay archive.ndjson.gz --speed max
    zstdcat archive.zst | TOCSIN_BOOTSTRAP=kafka:9092 tocsin replay - --speed 10
    """  # noqa: D301 (as above)
    settings = load_settings()
    console = Console(stderr=True)
    with NdjsonFeed(file) as feed:
        report = asyncio.run(_replay(feed, settings, speed, console))
    console.print(_summary(report, kafka.topic_name(settings, kafka.POSTS)), highlight=False)
    return _INTERRUPTED if report.stopped else 0


async def _replay(feed: NdjsonFeed, settings: Settings, speed: float, console: Console) -> ReplayReport:
    producer = AIOKafkaProducer(
        **kafka.client_kwargs(settings),
        # Not idempotent, which the embedded broker can't do: a post that a retry repeats is
        # folded by its id later, and aiokafka keeps one batch per partition on its way.
        acks="all",
        linger_ms=_LINGER_MS,
        max_batch_size=MAX_BATCH_BYTES,
        max_request_size=MAX_MESSAGE_BYTES,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        # Once kindly; a second Ctrl-C ends at once.
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    async with kafka.connected(producer, settings):
        loop.add_signal_handler(signal.SIGINT, interrupted)
        with _bar(console) as bar:
            task = bar.add_task("replaying", total=feed.total_bytes, note="")

            def show(report: ReplayReport) -> None:
                event = "" if report.last_event_s is None else f", event time {_clock(report.last_event_s)}"
                note = f"{report.sent:,} posts, {report.posts_per_s:,.0f}/s{event}"
                bar.update(task, completed=feed.bytes_read, note=note)

            try:
                return await play(
                    feed,
                    producer,
                    kafka.topic_name(settings, kafka.POSTS),
                    speed=speed,
                    progress_callback=show,
                    stop=stop,
                )
            finally:
                # A read that waits for a quiet pipe would keep asyncio.run from ending.
                feed.close()
                loop.remove_signal_handler(signal.SIGINT)


def _bar(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _summary(report: ReplayReport, topic: str) -> str:
    pace = f"{report.wall_s:.1f} s ({report.posts_per_s:,.0f}/s)"
    begin = "Stopped: " if report.stopped else ""
    lines = [f"{begin}{report.sent:,} posts sent to {topic} in {pace}, {report.acked:,} acknowledged"]
    if report.first_event_s is not None and report.last_event_s is not None:
        first, last = (datetime.fromtimestamp(s, UTC) for s in (report.first_event_s, report.last_event_s))
        lines.append(f"event time {_span(first.isoformat(), last.isoformat())}")
    if report.untimed:
        lines.append(f"{report.untimed:,} had no readable created_at and were sent at once")
    if report.too_large:
        lines.append(f"{report.too_large:,} NOT sent: larger than {MAX_MESSAGE_BYTES >> 20} MiB")
    return "\n".join(lines)


def _span(first: str, last: str) -> str:
    return f"{first[:19].replace('T', ' ')} to {last[:19].replace('T', ' ')} UTC"


def _clock(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
