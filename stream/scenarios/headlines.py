"""News that many people share in their own time, each once: the hardest thing to tell from a campaign."""

from collections.abc import Sequence
from dataclasses import dataclass

from stream.scenarios.apps import Window
from stream.scenarios.dice import Dice
from stream.scenarios.headline_texts import HEADLINES, Headline
from stream.scenarios.people import Crowd
from stream.scenarios.posts import Account, Ledger, Message
from stream.scenarios.speech import EMOJI, Speaker, link

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Newsroom:
    """Lets the crowd share every headline of the day.

    Sharers are settled accounts and share a headline once. A third share it bare; the
    others put their own words, hashtags or the outlet's name around it. Moments follow the
    sum of two exponential waiting times; for a fast headline, `rush` of its shares come in
    the five minutes after it breaks.
    """

    dice: Dice
    ledger: Ledger
    crowd: Crowd
    voices: dict[str, Speaker]
    window: Window

    def publish(self) -> None:
        """Share all headlines."""
        for headline in HEADLINES:
            self._spread(headline)

    def _spread(self, headline: Headline) -> None:
        sharers = self.crowd.different(headline.lang, headline.n_shares)
        for account, at in zip(sharers, self._moments(headline, len(sharers)), strict=True):
            self.ledger.add(account, at, self._share(headline, account), "headline", item=headline.slug)

    def _moments(self, headline: Headline, n: int) -> Sequence[int]:
        start_ms = self.window.start_ms + round(headline.start_min * _MINUTE_MS)
        moments: list[int] = []
        while len(moments) < n:
            if len(moments) < headline.rush:
                wait_min = 5.0 * self.dice.unit()
            else:
                wait_min = sum(self.dice.exponential(headline.spread_min / 2) for _ in range(2))
            at = start_ms + round(wait_min * _MINUTE_MS)
            if at < self.window.end_ms:
                moments.append(at)
        return moments

    def _share(self, headline: Headline, account: Account) -> Message:
        dice, voice = self.dice, self.voices[account.lang]
        style = dice.unit()
        message = Message(text=headline.text)
        if style < 0.20:
            message.text = voice.remark() + voice.tongue.stop + message.text
        elif style < 0.30:
            message.text = voice.fill(dice.pick(voice.tongue.openers)) + ": " + message.text
        elif style < 0.45:
            message.hashtags = dice.sample(headline.tags, dice.between(1, 3))
            message.text += "".join(f" #{tag}" for tag in message.hashtags)
        elif style < 0.52:
            message.text = f"“{message.text}” via @{headline.outlet}"
        elif style < 0.57:
            message.text = message.text[: int(len(message.text) * (0.6 + 0.4 * dice.unit()))].rstrip() + "…"
        if dice.hit(0.15):
            message.text += " " + dice.pick(EMOJI)
        if dice.hit(0.9):
            link(dice, message, f"{headline.outlet}.example", headline.slug)
        if dice.hit(0.12):
            message.text += " " + voice.remark()
        return message
