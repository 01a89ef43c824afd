"""The peer: a Faust agent as its documentation writes it, one event at a time, doing nothing."""

import sys
import time

import faust

from stream.settings import Settings


def main() -> None:
    """Count the posts of topic ``posts``; print the rate at the end of them."""
    settings = Settings()
    n_wanted = int(sys.argv[1])
    app = faust.App(
        "noop",
        broker=f"kafka://{settings.bootstrap}",
        web_enabled=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        broker_session_timeout=6,
        datadir=str(settings.data_dir.parent / "noop"),
    )
    topic = app.topic("posts", value_type=bytes, value_serializer="raw")
    seen, began = 0, 0.0

    @app.agent(topic)
    async def agent(stream: faust.StreamT) -> None:
        nonlocal seen, began
        async for _ in stream:
            began = began or time.perf_counter()
            seen += 1
            if seen == n_wanted:
                print(f"RATE {seen / (time.perf_counter() - began):.1f}", flush=True)  # noqa: T201

    faust.Worker(app, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
