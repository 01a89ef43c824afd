"""Machines and fans: templates that many accounts post, hour after hour, and that wake nobody."""

from dataclasses import dataclass

from stream.scenarios.dice import Dice
from stream.scenarios.people import Crowd, Handles
from stream.scenarios.posts import Account, Ledger, Message, at_ms, rfc3339
from stream.scenarios.speech import link
from stream.scenarios.tongues.grammar import bits

_MINUTE_MS = 60_000
_WINDS = bits("N|NE|E|SE|S|SW|W|NW")
_CITIES = bits("""Aldermoor|Brückfeld|Castelverde|Dunmarra|Eskhaven|Fjellby|Grand-Rosier|Hollowmere
    |Isla Parda|Kestrelton|Lac-Bleu|Monte Sereno|Nordwick|Otterbach|Port Ellis|Quillan Bay|Rocamora
    |Stonebridge|Tarnvale|Upper Wenlow|Valdorra|Westerlund|Yarrowby|Zeewolde""")
_SIGNS = bits("""Aries|Taurus|Gemini|Cancer|Leo|Virgo|Libra|Scorpio|Sagittarius|Capricorn|Aquarius|Pisces""")
_ADVICE = bits("""A letter you forgot may find you before the evening does
    |Let someone else carry the heavy bag for once
    |An old promise asks for an honest answer this afternoon
    |Your patience is about to be worth more than your speed
    |Say the kind thing first and the clever thing never|A detour shows you the garden behind the wall
    |Money likes silence: listen twice before you sign
    |The quiet colleague has the key you are looking for
    |Rest is work too, whatever the clock on the wall says
    |What you mend today will hold for a long winter|A stranger's question opens a door in your own house
    |Do not row against the tide when you could read the map""")
_ADJECTIVES = bits("""Velvet|Broken|Electric|Paper|Midnight|Golden|Silent|Crooked|Neon|Distant|Frozen
    |Borrowed|Wild|Hollow|Scarlet|Tender|Endless|Plastic|Salty|Lunar|Feral|Gentle|Rusty|Holy|Nervous""")
_NOUNS = bits("""Harbour|Lanterns|Pigeons|Orchard|Satellite|Mirrors|Sundays|Cathedral|Motorway|Wolves
    |Letters|Umbrella|Carousel|Telephone|Rivers|Thunder|Kitchen|Comets|Marigold|Staircase|Balloons|Tigers
    |Winter|Arcade|Salt""")
_PRAYERS = bits("""اللهم اجعل يومنا هذا خيرا مما قبله ويسر لنا كل عسير
    |اللهم احفظ أهلنا وأحبابنا من كل سوء في ليلهم ونهارهم
    |ربنا افتح لنا أبواب الرزق والرضا ولا تحرمنا راحة البال
    |اللهم اشف مرضانا وارحم موتانا واجبر خواطرنا يا كريم
    |يا رب اجعل لنا من كل ضيق مخرجا ومن كل هم فرجا قريبا
    |اللهم طهر قلوبنا واغفر ذنوبنا وتقبل منا صالح أعمالنا
    |اللهم إنا نسألك علما نافعا وقلبا شاكرا ولسانا ذاكرا
    |ربنا بارك لنا في أوقاتنا وأولادنا واجعلنا من الشاكرين""")
_ROLES = bits(
    """night porter|forklift driver|payroll clerk|pastry chef|site nurse|data typist|bus mechanic"""
)
_STARS = bits("""LunaParade|NorthKids|SEVENTIDE|MiraVale""")


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of event time, [start_ms, end_ms)."""

    start_ms: int
    end_ms: int

    def times(self, dice: Dice, n: int) -> list[int]:
        """`n` moments anywhere in it, in order."""
        return sorted(dice.between(self.start_ms, self.end_ms) for _ in range(n))


class Apps:
    """Everything that posts by template, spread evenly over the window.

    Args:
        dice: seeded chance.
        ledger: where posts go.
        crowd: whose accounts the apps post from.
        handles: names of the bots' own accounts.
        window: when.
    """

    def __init__(self, dice: Dice, ledger: Ledger, crowd: Crowd, handles: Handles, window: Window) -> None:
        self._dice = dice
        self._ledger = ledger
        self._crowd = crowd
        self._handles = handles
        self._window = window

    def run(self) -> None:
        """Post everything."""
        self._weather(every_ms=4 * _MINUTE_MS)
        self._followers(n_posts=1000, n_accounts=640)
        self._now_playing(n_posts=900)
        self._horoscope(n_posts=720)
        self._prayers(n_posts=640)
        self._votes(n_posts=1000, n_accounts=420)
        self._jobs(every_ms=2 * _MINUTE_MS)

    def _bot(self, platform: str, lang: str) -> Account:
        created_ms = at_ms("2016-03-01T00:00:00Z") + self._dice.below(1000) * 86_400_000
        return self._handles.account(platform, lang, created_ms, self._dice.between(80, 4000))

    def _weather(self, every_ms: int) -> None:
        dice = self._dice
        for city in _CITIES:
            bot = self._bot("x", "en")
            temperature, pressure = 8.0 + 14 * dice.unit(), dice.between(990, 1030)
            at = self._window.start_ms + dice.below(every_ms)
            while at < self._window.end_ms:
                temperature += dice.unit() - 0.48
                text = (
                    f"{city} at {rfc3339(at)[11:16]} Temp: {temperature:.1f} C, "
                    f"Humidity: {dice.between(40, 95)}%, Pressure: {pressure + dice.between(-2, 3)} hPa, "
                    f"Wind: {dice.between(0, 60)} km/h from {dice.pick(_WINDS)}, "
                    f"Rain today: {dice.below(40) / 10} mm"
                )
                self._ledger.add(bot, at, Message(text=text), "weather-bot", item=city)
                at += every_ms + dice.between(-4000, 4000)

    def _followers(self, n_posts: int, n_accounts: int) -> None:
        dice = self._dice
        users = self._crowd.different("en", n_accounts)
        for at in self._window.times(dice, n_posts):
            gained, lost = dice.between(1, 40), dice.between(1, 15)
            app = dice.below(3)
            text = (
                f"{gained} people followed me and {lost} people unfollowed me // automatically checked by",
                f"Daily stats: {gained} new followers and {lost} unfollowers via",
                f"My week: gained {gained} followers, lost {lost}, reached {dice.between(100, 9000)} people.",
            )[app]
            message = Message(text=text)
            link(dice, message, "followstats.example", "" if app else "check")
            self._ledger.add(dice.pick(users), at, message, "follower-app", item=f"app-{app}")

    def _now_playing(self, n_posts: int) -> None:
        dice = self._dice
        for at in self._window.times(dice, n_posts):
            song = f"{dice.pick(_ADJECTIVES)} {dice.pick(_NOUNS)}"
            band = f"The {dice.pick(_ADJECTIVES)} {dice.pick(_NOUNS)}"
            message = Message(text=f"#NowPlaying {song} by {band} on Tunewheel", hashtags=["NowPlaying"])
            link(dice, message, "tunewheel.example")
            self._ledger.add(self._crowd.someone("en"), at, message, "now-playing")

    def _horoscope(self, n_posts: int) -> None:
        dice = self._dice
        for at in self._window.times(dice, n_posts):
            sign = dice.below(len(_SIGNS))
            text = f"{_SIGNS[sign]}, your stars today: {_ADVICE[sign]}. More for {_SIGNS[sign]}"
            message = Message(text=text)
            link(dice, message, "dailystars.example")
            self._ledger.add(self._crowd.someone("en"), at, message, "horoscope", item=_SIGNS[sign])

    def _prayers(self, n_posts: int) -> None:
        dice = self._dice
        for at in self._window.times(dice, n_posts):
            prayer = dice.below(len(_PRAYERS))
            message = Message(text=_PRAYERS[prayer])
            link(dice, message, "dua.example")
            self._ledger.add(self._crowd.someone("ar"), at, message, "prayer-app", item=f"prayer-{prayer}")

    def _votes(self, n_posts: int, n_accounts: int) -> None:
        dice = self._dice
        fans = self._crowd.different("es", n_accounts // 2) + self._crowd.different("ko", n_accounts // 2)
        for at in self._window.times(dice, n_posts):
            star = _STARS[int(len(_STARS) * dice.unit() ** 2)]
            fan = dice.pick(fans)
            tags = [star, "BestNewGroup", "StarlightAwards"]
            hearts = dice.pick(("💜", "✨", "🔥")) * 3
            text = f"I vote for #{star} for #BestNewGroup at the #StarlightAwards {hearts}"
            if dice.hit(0.4):
                text += f" vote {dice.between(1, 50)} of 50"
            self._ledger.add(fan, at, Message(text=text, hashtags=tags), "fan-vote", item=star)

    def _jobs(self, every_ms: int) -> None:
        dice = self._dice
        bot = self._bot("x", "en")
        for at in range(self._window.start_ms + 11_000, self._window.end_ms, every_ms):
            job = f"{dice.pick(_ROLES)} in {dice.pick(_CITIES)}"
            message = Message(text=f"We are hiring! {job}, start this week, no CV needed. Apply:")
            link(dice, message, "jobs.example")
            self._ledger.add(bot, at + dice.below(9000), message, "job-spam")
