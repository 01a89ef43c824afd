"""Near-copies of a campaign's text: the same words, in as many disguises as a script gives them.

The claims are those that the campaign was reported to make; the wording is ours. They are
false: that is why the campaign was made public.
"""

from collections.abc import Mapping, Sequence

from stream.scenarios.dice import Dice
from stream.scenarios.posts import Message
from stream.scenarios.speech import link
from stream.scenarios.tongues.grammar import bits

CORES = {
    "fr": (
        "La police française tire sur des manifestants en Nouvelle-Calédonie pendant que Paris "
        "prépare ses Jeux. Le monde doit ouvrir les yeux : liberté pour la Nouvelle-Calédonie !"
    ),
    "en": (
        "French police are shooting at protesters in New Caledonia while Paris prepares its Games. "
        "The world must open its eyes: freedom for New Caledonia, no Olympics for the colonisers!"
    ),
}
_LONGER = {
    "fr": " Un peuple demande sa dignité, on lui répond par les armes. Partagez avant que tout disparaisse.",
    "en": " A people asks for dignity and is answered with weapons. Share this before it disappears.",
}
HASHTAGS = bits("RecognizeNewCaledonia|EndFrenchColonialism|FrenchColonialism|BoycottParis2024|Paris2024")
_MENTIONS = bits("worldpressdesk|monde_infos|unitednews_now|droitshumains_info|olympicwatchers|pacificvoices")
_EMOJI = bits("🇳🇨|✊|🔥|❗|‼️|😡|💔|🚨|👇|📢")
_ACCENTS = {"é": "e", "è": "e", "ê": "e", "ç": "c", "à": "a"}
# X allows 280 characters; mentions, emoji and a link come on top of the text.
_X_LIMIT = 280


class Copyist:
    """Makes copies of the campaign's texts.

    A copy keeps the words of its version and varies the rest: up to two typos, up to five
    hashtags in any order, sometimes in front, a mention or two, emoji, a link.

    Args:
        dice: seeded chance.
        cores: the text of each version.
        hashtags: those to choose from.
    """

    def __init__(
        self, dice: Dice, cores: Mapping[str, str] = CORES, hashtags: Sequence[str] = HASHTAGS
    ) -> None:
        self._dice = dice
        self._cores = cores
        self._hashtags = hashtags

    def copy(self, version: str, *, long: bool = False) -> Message:
        """A copy of a language version; a long one adds two sentences and keeps every hashtag."""
        dice = self._dice
        text = self._cores[version] + (_LONGER[version] if long else "")
        for _ in range(max(0, dice.below(5) - 2)):
            text = self._typo(text)
        if dice.hit(0.03):
            text = text.upper()
        tags = dice.sample(self._hashtags, 5 if long else dice.below(6))
        text, tags = self._with_hashtags(text, tags, limit=5000 if long else _X_LIMIT - 60)
        if not long:
            for _ in range(max(0, dice.below(10) - 7)):
                text = f"@{dice.pick(_MENTIONS)} {text}"
        for _ in range(max(0, dice.below(6) - 2)):
            text = f"{dice.pick(_EMOJI)} {text}" if dice.hit(0.4) else f"{text} {dice.pick(_EMOJI)}"
        message = Message(text=text, hashtags=tags, image=dice.hit(0.6))
        if dice.hit(0.45):
            link(dice, message, "t.example")
        return message

    def _with_hashtags(self, text: str, tags: list[str], limit: int) -> tuple[str, list[str]]:
        """Put as many as fit at the end, or all at the front."""
        kept: list[str] = []
        room = limit - len(text)
        for tag in tags:
            room -= len(tag) + 2
            if room < 0:
                break
            kept.append(tag)
        joined = " ".join(f"#{tag}" for tag in kept)
        if not joined:
            return text, kept
        return (f"{joined} {text}" if self._dice.hit(0.15) else f"{text} {joined}"), kept

    def _typo(self, text: str) -> str:
        """Drop, double, swap or unaccent one letter."""
        dice = self._dice
        at = dice.between(1, len(text) - 2)
        kind = dice.below(4)
        if kind == 0:
            return text[:at] + text[at + 1 :]
        if kind == 1:
            return text[:at] + text[at] + text[at:]
        if kind == 2:
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        accented = [i for i, letter in enumerate(text) if letter in _ACCENTS]
        if not accented:
            return text
        at = dice.pick(accented)
        return text[:at] + _ACCENTS[text[at]] + text[at + 1 :]
