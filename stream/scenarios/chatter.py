"""What most of a feed is: people talking, answering, quoting and passing on each other's posts."""

from collections import defaultdict, deque

from stream.scenarios.dice import Dice
from stream.scenarios.people import Crowd
from stream.scenarios.posts import Account, Ledger, Message, Post
from stream.scenarios.speech import EMOJI, Speaker

_KINDS = (
    ("post", 0.45),
    ("reply", 0.20),
    ("repost", 0.18),
    ("short", 0.09),
    ("greeting", 0.05),
    ("quote", 0.03),
)
_REMEMBERED = 250
_FAME_FOLLOWERS = 400


class Chatter:
    """A conversation of the whole crowd, told in order of time.

    Reposts follow a Pólya urn: each repost puts the original back once more, so a few posts
    become popular and most are never passed on.
    """

    def __init__(self, dice: Dice, ledger: Ledger, crowd: Crowd, voices: dict[str, Speaker]) -> None:
        self._dice = dice
        self._ledger = ledger
        self._crowd = crowd
        self._voices = voices
        self._recent: dict[tuple[str, str], deque[Post]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))
        self._urns: dict[tuple[str, str], deque[Post]] = defaultdict(lambda: deque(maxlen=3 * _REMEMBERED))
        self._passed_on: set[tuple[str, str]] = set()

    def tell(self, times_ms: list[int]) -> None:
        """Add one post for each time, which must be in order."""
        for now_ms in times_ms:
            lang = self._crowd.language()
            account, voice = self._crowd.someone(lang), self._voices[lang]
            kind = self._kind()
            if kind == "repost" and self._repost(account, now_ms):
                continue
            recent = self._recent[lang, account.platform]
            if kind in {"reply", "quote"} and recent:
                self._answer(kind, account, voice, self._dice.pick(recent), now_ms)
            elif kind == "short":
                self._ledger.add(account, now_ms, self._short(voice), "short")
            elif kind == "greeting":
                self._ledger.add(account, now_ms, self._greeting(voice), "greeting")
            else:
                self._say(account, voice.post(), now_ms)

    def _kind(self) -> str:
        mark = self._dice.unit()
        for kind, share in _KINDS:
            mark -= share
            if mark < 0:
                return kind
        return _KINDS[0][0]

    def _say(self, account: Account, message: Message, now_ms: int) -> None:
        post = self._ledger.add(account, now_ms, message, "chatter")
        if post is None:
            return
        self._recent[account.lang, account.platform].append(post)
        if account.followers > _FAME_FOLLOWERS or self._dice.hit(0.02):
            self._urns[account.lang, account.platform].append(post)

    def _repost(self, account: Account, now_ms: int) -> bool:
        urn = self._urns[account.lang, account.platform]
        if not urn:
            return False
        original = self._dice.pick(urn)
        if (account.id, original["id"]) in self._passed_on:
            return False
        self._passed_on.add((account.id, original["id"]))
        urn.append(original)
        text = original["text"]
        if account.platform == "x":
            text = f"RT @{original['author']['handle']}: {text}"
        message = Message(text=text, refs={"repost_of": original["id"]})
        self._ledger.add(account, now_ms, message, "repost")
        return True

    def _answer(self, kind: str, account: Account, voice: Speaker, parent: Post, now_ms: int) -> None:
        dice = self._dice
        topic = voice.topic()
        message = Message(text=voice.sentence(topic))
        if dice.hit(0.5):
            message.text = voice.remark() + voice.tongue.stop + message.text
        voice.decorate(message, topic)
        if kind == "quote":
            message.refs = {"quote_of": parent["id"]}
        else:
            message.text = f"@{parent['author']['handle']} {message.text}"
            message.refs = {"reply_to": parent["id"]}
        self._ledger.add(account, now_ms, message, kind)

    def _short(self, voice: Speaker) -> Message:
        dice = self._dice
        text = dice.pick(voice.tongue.shorts)
        if dice.hit(0.4):
            text += " " + dice.pick(EMOJI) * dice.between(1, 3)
        return Message(text=text)

    def _greeting(self, voice: Speaker) -> Message:
        dice = self._dice
        text = voice.fill(dice.pick(voice.tongue.greetings))
        if dice.hit(0.6):
            text += " " + "".join(
                dice.pick(("☀️", "☕", "🌸", "🌻", "😊", "🙏", "❤️")) for _ in range(dice.between(1, 4))
            )
        return Message(text=text, image=dice.hit(0.3))
