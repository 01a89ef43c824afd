"""The errors of Tocsin's I/O side.

```
TocsinError                  everything we raise on purpose; its text says what to do
├── SettingsError            a setting is wrong: name, value, allowed range
├── TopicError               a topic is missing, or its settings would lose state
├── PackError                bytes between our own stages that we can't read: a broken invariant
├── StateError               recovered state contradicts the log: a broken invariant
├── FeedError                a file of posts can't be read (stream.feeds)
├── ProcessDiedError         the process of a stage has ended (killed, out of memory)
└── BrokerError              the broker can't be reached or refuses us (retriable)
```

Bad input is no error here: a post that can't be read is a value
(`detectors.post.Rejected`), counted by reason and dead-lettered. A broken invariant
(`PackError`, `StateError`) stops the worker.
"""


class TocsinError(Exception):
    """Anything raised on purpose. `retriable` tells whether the same call may work later."""

    retriable = False


class SettingsError(TocsinError):
    """A setting is unknown, mistyped or out of range."""


class TopicError(TocsinError):
    """A topic is missing or is configured so that state would be lost."""


class PackError(TocsinError):
    """A message between our own stages can't be read; the worker must stop."""


class StateError(TocsinError):
    """Recovered state contradicts the log; the worker must stop."""


class ProcessDiedError(TocsinError):
    """The process of a stage has ended by itself; the worker must stop."""


class BrokerError(TocsinError):
    """The broker can't be reached, or it refuses us."""

    retriable = True
