"""Words and figures nobody else uses: names of bands, shops and friends, scores, prices, codes."""

from stream.scenarios.dice import Dice
from stream.scenarios.tongues.grammar import bits

_SYLLABLES = {
    "Latin": bits("""bra|cor|del|fen|gol|hax|jun|kel|lor|mun|nav|ost|pel|quin|ros|sar|tev|ulm|vik|wen
        |yar|zol|ami|bexi|drau|eno|flo|gri|iva|omi"""),
    "Cyrillic": bits("""бар|вел|гор|дан|зим|кол|лис|мир|нов|пет|рог|сев|тур|фед|хол|чер|шум|яр|ора|уми"""),
    "Arabic": bits("""بار|تيم|جود|حسن|دور|راس|زين|سمر|شام|صفا|طيب|فجر|قمر|كرم|لين|مجد|نور|ورد|يسر|هلا"""),
    "Devanagari": bits("""कर|गन|चम|जल|तर|दम|नव|पर|बल|मन|यश|रव|लय|वन|सम|हर|धन|शिव|रज|नील"""),
    "Japanese": bits(
        """ミラ|トコ|ノア|ハル|リク|スズ|カナ|モリ|ユメ|ソラ|ピコ|ルカ|テン|ワカ|ギン|ヒナ|ロマ|マオ|ネム|ドレ"""
    ),
    "Han": bits("""云|岚|溪|松|岳|澜|墨|棠|星|川|禾|澄|枫|雁|珂|朔|芷|霖|陌|汐"""),
    "Hangul": bits(
        """가|나래|다온|라임|마루|보라|새봄|아람|지오|하람|도담|미르|소리|온새|별|누리|한결|솔|빛|찬"""
    ),
    "Thai": bits("""กันต์|ชิน|ณิชา|ดล|ตะวัน|ธาร|นที|ปุณ|พราว|ภูมิ|มีนา|รัญ|ลิน|วิน|ศิลา|อิง|เมฆ|ไผ่|แพร|โอม"""),
}


class Coin:
    """Makes up words in one script."""

    def __init__(self, dice: Dice, script: str) -> None:
        self._dice = dice
        self._syllables = _SYLLABLES[script]

    def word(self) -> str:
        """A name of two or three syllables."""
        dice = self._dice
        return "".join(dice.pick(self._syllables) for _ in range(dice.between(2, 4))).capitalize()

    def aside(self) -> str:
        """Something in passing: a title, a score, a price, a distance, a code."""
        dice = self._dice
        kind = dice.below(8)
        if kind < 3:
            return f"“{self.word()} {self.word()}”"
        if kind == 3:
            return f"({self.word()} {dice.below(6)}:{dice.below(6)} {self.word()})"
        if kind == 4:
            return f"({self.word()}, {dice.between(100, 9999) / 100:.2f} €)"
        if kind == 5:
            return f"({self.word()} + {self.word()} + {self.word()})"
        if kind == 6:
            return f"({dice.between(11, 990) / 10:.1f} km, {self.word()})"
        return f"№{dice.letters(6).upper()} {self.word()}"
