"""The peer: a Faust agent as its documentation writes it, one event at a time, doing nothing."""

import sys

import faust

from stream.settings import Settings
from tests.bench.rate import Rate


def make_app(settings: Settings, name: str) -> faust.App:
    """As the documentation has it, without what the service needs no topics or pages for."""
    return faust.App(
        name,
        broker=f"kafka://{settings.bootstrap}",
        web_enabled=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        broker_session_timeout=6,
        datadir=str(settings.data_dir.parent / name),
    )


def main() -> None:
    """Count the posts of topic ``posts``; print the rate at the end of them."""
    app, rate = make_app(Settings(), "noop"), Rate(int(sys.argv[1]))
    topic = app.topic("posts", value_type=bytes, value_serializer="raw")

    @app.agent(topic)
    async def agent(stream: faust.StreamT) -> None:
        async for _ in stream:
            rate.count()

    faust.Worker(app, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
