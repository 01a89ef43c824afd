"""Normalisation: each disguise alone, many scripts, and the kernel against its reference."""

import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detectors import normalise_tables
from detectors.normalise import normalise, normalise_batch, normaliser_digest
from detectors.normalise_tables import KIND_SHIFT, MAX_MAPPED, MULTIPLE, Kind, kind, mapped, tables

# What the steps look at, so that generated texts reach every branch and its neighbours.
_FRAGMENTS = (
    *("http://", "https://", "HTTP://", "hxxp://", "http:/", "htt", "www.", "WWW.", "ww.", "w", "h", "http"),
    *("@", "@@", "@name", "@a.b-c_d", "@user@host.org", "a@b.c", "rt", "RT @", "rt @x:", "r", "#tag", "# "),
    *(" ", "  ", "\t", "\n", "\u3000", "\u00a0", "\u2028", "\x1f", "\x85", "\x00", "\x7f"),
    *(
        "a",
        "aaa",
        "z",
        "Z",
        "0",
        "000",
        "_",
        ".",
        "-",
        ":",
        "/",
        "'",
        "’",
        "ʼ",
        "é",
        "e\u0301",
        "ß",
        "İ",
        "ﬁ",
    ),
    *("\u0301", "\u0301" * 5, "\u0489", "\u20e3", "\u0345", "\u034f", "\ufe0f", "\u200b", "\u200d", "\u00ad"),
    *(
        "а",
        "р",
        "о",
        "Ѕ",
        "й",
        "Ж",
        "α",
        "ώ",
        "ς",
        "ո",
        "Ꭺ",
        "ı",
        "ø",
        "ł",
        "ᴀ",
        "ｈ",
        "𝐡",
        "𝓌",
        "🅰",
        "①",
        "½",
    ),
    *("م", "\u0651\u064e", "ـ", "ﷺ", "ﻻ", "ש", "\u05b8", "हि", "\u093f", "\u094d", "ก", "\u0e35\u0e49"),
    *(
        "ก\u0e49" + "\u0e49" * 6,
        "가",
        "ㅋㅋㅋ",
        "\u1160",
        "が",
        "か\u3099",
        "漢",
        "〇",
        "㌔",
        "𠮷",
        "丽",
        "\u2fff",
    ),
    *("😀", "👩\u200d👩\u200d👧", "👍🏽", "🇫🇷", "1\ufe0f\u20e3", "🏴\U000e0067\U000e007f", "\U000e0101"),
    *("\u202e", "\u2066", "\ufeff", "\u0378", "\ue000", "\U0010ffff", "\ufffe", "\ud83d", "\udc00"),
)
_TEXTS = st.one_of(
    st.lists(st.sampled_from(_FRAGMENTS), max_size=30).map("".join),
    st.lists(st.one_of(st.sampled_from(_FRAGMENTS), st.characters()), max_size=30).map("".join),
    st.text(max_size=60),
)


def kernel(texts: list[str]) -> list[str]:
    """What the kernel makes of texts, decoded; strictly, so it must be valid UTF-8."""
    blob, offsets = normalise_batch(texts)
    assert (blob.dtype, offsets.dtype, len(offsets)) == (np.uint8, np.int64, len(texts) + 1)
    raw = blob.tobytes()
    assert offsets[0] == 0
    assert offsets[-1] == len(raw)
    return [raw[offsets[i] : offsets[i + 1]].decode() for i in range(len(texts))]


@settings(max_examples=600)
@given(st.lists(_TEXTS, max_size=8))
@example([])
@example(["", "", ""])
@example(["ﷺ" * 300])
def test_kernel_equals_reference(texts: list[str]) -> None:
    """Whatever the texts, the compiled batch gives exactly what the readable reference gives."""
    assert kernel(texts) == [normalise(text) for text in texts]


@settings(max_examples=300)
@given(_TEXTS)
def test_normalising_twice_changes_nothing(text: str) -> None:
    """A normalised text is its own normal form, so texts carried by mutes may pass again."""
    once = normalise(text)
    assert normalise(once) == once


@settings(max_examples=300)
@given(_TEXTS)
def test_result_holds_words_and_single_spaces_within_its_bound(text: str) -> None:
    """Nothing but letters, marks, numbers and inner single spaces comes out; 8 for 1 at most."""
    result = normalise(text)
    assert result == result.strip()
    assert "  " not in result
    assert all(c == " " or unicodedata.category(c)[0] in "LMN" for c in result)
    assert len(result) <= MAX_MAPPED * len(text)


def test_tables_equal_their_definition_for_every_code_point() -> None:
    """The shortcuts of building (pages of ideographs, empty pages) leave no entry wrong."""
    entries, pool = tables()
    for point in range(0x110000):
        if point == 0x40000:
            assert (np.unique(entries[0x40000:0xE0000]).tolist(), entries[0xE1000:].any()) == ([0], False)
        if 0x40000 <= point < 0xE0000 or point >= 0xE1000:
            continue
        entry = int(entries[point])
        run = [entry]
        if entry >> KIND_SHIFT == MULTIPLE:
            run = pool[entry & 0xFFFF :][: entry >> 16 & 0xF].tolist()
        want = mapped(chr(point))
        assert [e >> KIND_SHIFT for e in run] == [kind(c) for c in want], hex(point)
        if unicodedata.category(chr(point)) not in {"Cn", "Co", "Cs"}:
            assert "".join(chr(e & normalise_tables.CODE_POINT) for e in run) == want, hex(point)


def test_only_one_code_point_is_cut_by_the_bound() -> None:
    """U+FDFA alone decomposes to more than 8; it is common in Arabic, so both sides must cut it."""
    longer = [c for c in map(chr, range(0x20000)) if len(unicodedata.normalize("NFKD", c)) > MAX_MAPPED]
    assert longer == ["\ufdfa"]
    assert mapped("\ufdfa") == "صلي الله"


def test_every_confusable_can_be_reached_and_is_settled() -> None:
    """No entry is dead (casefolded away before the lookup) or folded into another entry."""
    confusables = normalise_tables._CONFUSABLES
    for original, replacement in confusables.items():
        casefolded = unicodedata.normalize("NFKD", original).casefold()
        assert unicodedata.normalize("NFKD", casefolded) == original, original
        assert not set(replacement) & set(confusables)
        assert replacement.isascii()
        assert replacement.isalnum()


@pytest.mark.parametrize(
    ("disguised", "plain"),
    [
        pytest.param("ＢＲＥＡＫＩＮＧ ｎｅｗｓ", "breaking news", id="fullwidth"),
        pytest.param("𝐁𝐫𝐞𝐚𝐤𝐢𝐧𝐠 𝓷𝓮𝔀𝓼", "breaking news", id="mathematical-letters"),
        pytest.param("ⓑⓡⓔⓐⓚⓘⓝⓖ 🅽🅴🆆🆂", "breaking news", id="circled-and-squared-letters"),
        pytest.param("ʙʀᴇᴀᴋɪɴɢ ɴᴇᴡꜱ", "breaking news", id="small-capitals"),
        pytest.param("Вrеаkіng nеwѕ", "breaking news", id="cyrillic-look-alikes"),
        pytest.param("Βrεακιηg νεωs", "breaking vews", id="greek-look-alikes"),
        pytest.param("breaկing", "breaկing", id="armenian-letter-outside-the-table"),
        pytest.param("brea\u200bking\u2060 ne\u00adws", "breaking news", id="zero-width-and-soft-hyphen"),
        pytest.param("\u202ebreaking\u202c \u2066news\u2069", "breaking news", id="bidi-controls"),
        pytest.param("b̷r̸e̵a̶k̷i̸n̵g̶ n̂̃̄̅̆̇̈ews", "breaking news", id="stacked-marks-on-latin"),
        pytest.param("bre\u034faking\ufe0f", "breaking", id="joiner-and-variation-selector"),
        pytest.param("Łódź, Øresund, Đakovo, İzmir, ısı", "lodz oresund dakovo izmir isi", id="strokes"),
        pytest.param("Straße, Œuvre, Ærø, ﬁn", "strasse oeuvre aero fin", id="one-letter-becomes-two"),
        pytest.param("don't don’t donʼt don＇t", "dont dont dont dont", id="apostrophes"),
        pytest.param("nooooo waaay!!!! 1000000", "noo waay ioo", id="repeats"),
        pytest.param("no\u200bo\u200bo\u200bo\u200b", "noo", id="repeats-hidden-by-zero-width"),
        pytest.param("  so:\t\n spaced\u3000out … ", "so spaced out", id="white-space"),
        pytest.param("fire🔥🔥in👩‍👩‍👧town👍🏽🇫🇷", "fire in town", id="emoji"),
        pytest.param("v0te n0w, 5t4y 1n", "vote now stay in", id="leet"),
        pytest.param("call 1️⃣2️⃣3️⃣ #️⃣", "call i2e", id="keycaps-leave-their-digit"),
        pytest.param("🏴\U000e0067\U000e0062\U000e007f go", "go", id="flag-of-tags"),
        pytest.param("½ price, 5㎏, x²", "i 2 price skg x2", id="compatibility-numbers"),
        pytest.param("a\u0301b \u0301c", "ab c", id="mark-without-base"),
        pytest.param("👍🔥 ...!?", "", id="nothing-left"),
    ],
)
def test_disguise_falls(disguised: str, plain: str) -> None:
    """Each disguise comes out as the plain words."""
    assert normalise(disguised) == plain
    assert kernel([disguised]) == [plain]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("see https://example.org/a?b=C#d now", "see now", id="https"),
        pytest.param("see HTTP://EXAMPLE.ORG now", "see now", id="capitals"),
        pytest.param("see ｈｔｔｐ：／／example.org now", "see now", id="fullwidth"),
        pytest.param("see ht\u200btps://example.org now", "see now", id="zero-width-inside"),
        pytest.param("see 𝗵𝘁𝘁𝗽𝘀://example.org now", "see now", id="mathematical-letters"),
        pytest.param("seehttp://example.org now", "see now", id="glued-to-a-word"),
        pytest.param("(www.example.org) now", "now", id="www"),
        pytest.param("awww.so cute", "aww so cute", id="www-inside-a-word"),
        pytest.param("http is a protocol", "http is a protocol", id="http-alone"),
        pytest.param("速報http://example.jp/1です。次", "速報 て\u3099す 次", id="link-ends-at-japanese"),
        pytest.param("http://example.de/straße/über later", "later", id="accented-path"),
        pytest.param("http://example.org\nnext", "next", id="line-end"),
        pytest.param("thanks @some_one.bsky.social!", "thanks", id="mention-with-dots"),
        pytest.param("hi @user@mastodon.example bye", "hi bye", id="fediverse"),
        pytest.param("mail me: joe@example.org", "mail me joe example org", id="e-mail-is-no-mention"),
        pytest.param("ありがとう@friend元気", "ありか\u3099とう 元気", id="mention-glued-to-japanese"),
        pytest.param("meet @ 5", "meet s", id="bare-at"),
        pytest.param("RT @user: real words", "real words", id="retweet"),
        pytest.param("rt@user real words", "real words", id="retweet-without-space"),
        pytest.param("RT @one: RT @two: real words", "real words", id="retweet-of-retweet"),
        pytest.param("so true RT @user: real words", "so true real words", id="quoted-retweet"),
        pytest.param("art @home", "art", id="rt-inside-a-word"),
        pytest.param("RT if you agree", "rt if you agree", id="rt-as-a-word"),
        pytest.param("#BreakingNews #1", "breakingnews i", id="hashtag-words-stay"),
    ],
)
def test_links_and_mentions_go_and_words_stay(text: str, want: str) -> None:
    """What differs from copy to copy goes; everything said in words stays."""
    assert normalise(text) == want
    assert kernel([text]) == [want]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("Срочно! ЁЛКА", "cpoчho eлka", id="russian-look-alikes-fold"),
        pytest.param("Їжак і ґанок", "iжak i ґahok", id="ukrainian"),
        pytest.param("Άνθρωποι", "avθpwпoi".replace("п", "π"), id="greek"),
        pytest.param("مَرْحَبًا", "مرحبا", id="arabic-vowel-points-go"),
        pytest.param("أُمّة إلى آخر", "امه الي اخر", id="arabic-hamza-and-final-letters-fold"),
        pytest.param("یک کتاب", "يك كتاب", id="persian-keyboard-folds"),
        pytest.param("مـــرحبا", "مرحبا", id="arabic-tatweel-goes"),
        pytest.param("שָׁלוֹם", "שלום", id="hebrew-points-go"),
        pytest.param("हिन्दी में", "हिन्दी में", id="devanagari-vowels-stay"),
        pytest.param("ที่นี่", "ที่นี่", id="thai-vowels-and-tones-stay"),
        pytest.param("ทีีีีีี", "ทีี", id="thai-repeated-mark-is-squeezed"),
        pytest.param("ガギ", "カ\u3099キ\u3099", id="kana-voicing-stays"),
        pytest.param("ｶﾞ", "カ\u3099", id="halfwidth-kana"),
        pytest.param("각", "\u1100\u1161\u11a8", id="hangul-becomes-jamo"),
        pytest.param("ㅋㅋㅋㅋㅋ", "\u110f\u110f", id="korean-laughter"),
        pytest.param("「速報」東京、大雨。", "速報 東京 大雨", id="japanese-punctuation"),
        pytest.param("𠮷野家", "𠮷野家", id="ideograph-beyond-the-basic-plane"),
        pytest.param("áéíñç", "aeinc", id="latin-accents-go"),
        pytest.param("Tiếng Việt đẹp", "tieng viet dep", id="vietnamese"),
    ],
)
def test_scripts_keep_what_carries_meaning(text: str, want: str) -> None:
    """Accents go where they are ornament, marks stay where they are spelling."""
    decomposed = unicodedata.normalize("NFKD", want)
    assert normalise(text) == decomposed
    assert kernel([text]) == [decomposed]


def test_at_most_four_different_marks_stay_on_a_base() -> None:
    """Stacked marks can't inflate a text, in any script."""
    marks = "\u0e31\u0e34\u0e35\u0e36\u0e37\u0e38"
    assert normalise("ก" + marks) == "ก" + marks[:4]


@pytest.mark.parametrize("case", [str.upper, str.lower, str.title])
def test_case_decides_nothing(case: object) -> None:
    """A letter folds the same as capital and small, whatever script it imitates."""
    text = "вместе мы сила ελλάδα եւ ꭰꭱꭲ straße ŋorð"
    assert callable(case)
    assert normalise(case(text)) == normalise(text)


def test_batches_may_be_cut_anywhere() -> None:
    """A text's result doesn't depend on its neighbours, nor leak into them."""
    texts = ["RT", "@user: hi", "http://", "x y", "", "e", "\u0301", "a" * 3, "a", "ﷺ" * 40, "end"]
    assert kernel(texts) == [kernel([text])[0] for text in texts]


def test_kinds_follow_unicode_categories() -> None:
    """`str.isalnum` is exactly "letter or number", the rule that the specification names."""
    for char in map(chr, range(0x110000)):
        assert char.isalnum() == (unicodedata.category(char)[0] in "LN")
    assert kind("a") is Kind.BARE
    assert kind("漢") is Kind.BASE


def test_digest_is_stable_within_a_process() -> None:
    """8 bytes, the same each time: two workers of one build can read each other."""
    assert normaliser_digest() == normaliser_digest()
    assert len(normaliser_digest()) == 8
