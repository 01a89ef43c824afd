"""The peer: Quix Streams and datasketch, as a user would put them together."""

import sys

from quixstreams import Application

from stream.settings import Settings
from tests.bench.plain_detector import PlainDetector
from tests.bench.rate import Rate


def main() -> None:
    """Find near-copies in topic ``posts``, alerts to ``plain-alerts``; print the rate at the end of them."""
    settings, rate, detector = Settings(), Rate(int(sys.argv[1])), PlainDetector()
    app = Application(
        broker_address=settings.bootstrap,
        consumer_group="quix",
        auto_offset_reset="earliest",
        state_dir=settings.data_dir.parent / "quix",
        loglevel="WARNING",
    )
    alerts = app.topic("plain-alerts", value_serializer="json")

    def see(post: dict[str, object]) -> dict[str, object] | None:
        alert = detector.see(post)
        if rate.count():
            app.stop()
        return alert

    posts = app.dataframe(app.topic("posts", value_deserializer="json"))
    posts.apply(see).filter(lambda alert: alert is not None).to_topic(alerts)
    app.run()


if __name__ == "__main__":
    main()
