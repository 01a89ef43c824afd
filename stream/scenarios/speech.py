"""Puts phrases of a language together into what a person might post."""

import re
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate

from stream.scenarios.coinage import Coin
from stream.scenarios.dice import Dice
from stream.scenarios.posts import Message
from stream.scenarios.tongues import TONGUES
from stream.scenarios.tongues.grammar import Tongue, Topic, bits

_SLOT = re.compile(r"\[(\w+)\]")
EMOJI = bits("😂|😭|🙃|❤️|🔥|✨|😅|🙏|👀|🤔|😴|🎉|💔|🥲|😎|🤷|👏|🌧️|☕|🍀|🐱|🎶|⚽|🚲|🥐|🌸")


# How often a phrase comes from any topic of the language instead of the one at hand.
_STRAY = 0.85


class Speaker:
    """Says things in one language.

    Topics follow Zipf's law, but people stray: most phrases come from any topic, or a few
    thousand posts on one topic would be near-copies by chance alone. Asides (a score, a
    price, a name nobody else uses) do the same. Equal seeds give equal texts.
    """

    def __init__(self, dice: Dice, tongue: Tongue) -> None:
        self._dice = dice
        self.tongue = tongue
        self._coin = Coin(dice, tongue.script)
        self._who = [phrase for topic in tongue.topics for phrase in topic.who]
        self._does = [phrase for topic in tongue.topics for phrase in topic.does]
        self._what = [phrase for topic in tongue.topics for phrase in topic.what]
        self._topic_bounds = list(accumulate((k + 1) ** -0.8 for k in range(len(tongue.topics))))

    def topic(self) -> Topic:
        """A topic, by its rank."""
        bounds = self._topic_bounds
        return self.tongue.topics[bisect(bounds, self._dice.unit() * bounds[-1])]

    def fill(self, phrase: str, topic: Topic | None = None) -> str:
        """The phrase with its slots filled."""
        if "[" not in phrase:
            return phrase
        return _SLOT.sub(lambda match: self._slot(match[1], topic), phrase)

    def _slot(self, name: str, topic: Topic | None) -> str:
        dice, tongue = self._dice, self.tongue
        if name == "what" and topic is not None:
            return self.fill(self._stray(topic.what, self._what))
        if name == "name":
            return dice.pick(tongue.names) if dice.hit(0.6) else self._coin.word()
        if name == "place":
            return dice.pick(tongue.places) if dice.hit(0.6) else self._coin.word()
        if name == "clock":
            return f"{dice.between(6, 24)}:{dice.below(60):02d}"
        return str(dice.between(2, 99))

    def _stray(self, own: Sequence[str], any_topic: Sequence[str]) -> str:
        return self._dice.pick(any_topic if self._dice.hit(_STRAY) else own)

    def sentence(self, topic: Topic) -> str:
        """Who does what, and often when or where."""
        dice, tongue = self._dice, self.tongue
        who, does = self._stray(topic.who, self._who), self._stray(topic.does, self._does)
        said = self.fill(who) + tongue.space + self.fill(does, topic)
        if dice.hit(0.5):
            said += f" {self._coin.aside()}"
        if dice.hit(0.7):
            said += tongue.pause + self.fill(dice.pick(tongue.tails))
        return said

    def remark(self) -> str:
        """A sentence that fits after anything."""
        return self.fill(self._dice.pick(self.tongue.remarks))

    def post(self) -> Message:
        """A whole post about one topic."""
        dice, tongue, topic = self._dice, self.tongue, self.topic()
        parts = [self.sentence(topic)]
        if dice.hit(0.4):
            parts.append(self.sentence(topic))
        if dice.hit(0.5):
            parts.append(self.remark())
        if dice.hit(0.4):
            parts[0] = (
                self.fill(dice.pick(tongue.openers))
                + (tongue.pause if tongue.space == "" else ", ")
                + parts[0]
            )
        message = Message(text=tongue.stop.join(parts), image=dice.hit(0.12))
        self._manner(message)
        self.decorate(message, topic)
        return message

    def _manner(self, message: Message) -> None:
        """How people type: all lower case, a missing or doubled letter, dots."""
        dice = self._dice
        if dice.hit(0.15):
            message.text = message.text.lower()
        if dice.hit(0.08):
            at = dice.below(len(message.text))
            message.text = message.text[:at] + message.text[at] + message.text[at:]
        if dice.hit(0.25):
            message.text += dice.pick(("!", "!!", "…", "...", "?!", "."))

    def decorate(self, message: Message, topic: Topic) -> None:
        """Add emoji, hashtags and a link, each sometimes."""
        dice = self._dice
        if dice.hit(0.35):
            message.text += " " + dice.pick(EMOJI) * dice.between(1, 4)
        if dice.hit(0.2):
            message.hashtags = dice.sample(topic.tags, dice.between(1, 3))
            message.text += "".join(f" #{tag}" for tag in message.hashtags)
        if dice.hit(0.1):
            link(dice, message, "t.example")


def link(dice: Dice, message: Message, host: str, path: str = "") -> None:
    """End the message with a link, shortened where no path is given."""
    message.urls = [f"https://{host}/{path or dice.letters(10)}"]
    message.text += " " + message.urls[0]


def speakers(dice: Dice) -> dict[str, Speaker]:
    """One for every language, by language tag."""
    return {tongue.code: Speaker(dice, tongue) for tongue in TONGUES}
