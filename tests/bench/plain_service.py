"""The peer: Faust and datasketch, as a user would put them together."""

import sys

import faust

from stream.settings import Settings
from tests.bench.noop_agent import make_app
from tests.bench.plain_detector import PlainDetector
from tests.bench.rate import Rate


def main() -> None:
    """Find near-copies in topic ``posts``, alerts to ``plain-alerts``; print the rate at the end of them."""
    app, rate, detector = make_app(Settings(), "plain"), Rate(int(sys.argv[1])), PlainDetector()
    posts, alerts = (
        app.topic("posts", value_serializer="json"),
        app.topic("plain-alerts", value_serializer="json"),
    )

    @app.agent(posts)
    async def agent(stream: faust.StreamT) -> None:
        await alerts.maybe_declare()
        async for post in stream:
            alert = detector.see(post)
            if alert is not None:
                await alerts.send(value=alert)
            rate.count()

    faust.Worker(app, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
