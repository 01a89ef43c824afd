"""Messages in many scripts, made up: a short one of some 40 characters, a long one of some 200."""

from typing import Final, NamedTuple


class Written(NamedTuple):
    """What a campaign says in one language.

    Attributes:
        short: About 40 characters.
        long: About 200 characters.
        hashtags: Without #: two of usual length, and one that with them is about as long as `short`.
        habits: Other spellings that people use, each (as printed, as typed): what a keyboard
            lacks, letters that sound alike, spaces that are optional.
    """

    short: str
    long: str
    hashtags: tuple[str, ...]
    habits: tuple[tuple[str, str], ...] = ()


LATIN: Final = ("English", "French")
"""What the others are compared with."""

TEXTS: Final[dict[str, Written]] = {
    "English": Written(
        "The old bridge closes on Sunday at noon.",
        "The town council sold the old harbour last night and nobody was asked. From Monday every "
        "fisherman pays for his own berth. Come to the square on Saturday, bring your neighbours and tell "
        "them what you think!",
        ("OurTown", "Valdorra", "SaturdayOnTheSquare"),
    ),
    "French": Written(
        "Le vieux pont sera fermé dès dimanche !",
        "Le conseil a vendu le vieux port cette nuit, sans rien demander à personne. Dès lundi, chaque "
        "pêcheur paiera sa place à quai. Venez samedi sur la place, amenez vos voisins et dites ce que "
        "vous en pensez !",
        ("NotreVille", "Valdorra", "SamediSurLaPlace"),
        (("é", "e"), ("è", "e"), ("ê", "e"), ("à", "a")),
    ),
    "Arabic": Written(
        "سيُغلق الجسر القديم يوم الأحد عند الظهر.",
        "باع مجلس المدينة الميناء القديم ليلة أمس ولم يسأل أحدا من السكان. ابتداء من يوم الإثنين سيدفع كل "
        "صياد ثمن مكان قاربه. تعالوا إلى الساحة يوم السبت، وأحضروا جيرانكم معكم، وقولوا لهم رأيكم بصراحة "
        "أمام الجميع!",
        ("مدينتنا", "فالدورا", "السبت_في_الساحة"),
        (("أ", "ا"), ("إ", "ا"), ("ة", "ه"), ("ى", "ي"), ("\u064f", ""), ("ا", "ا\u0640")),
    ),
    "Hindi": Written(
        "पुराना पुल रविवार को दोपहर से बंद रहेगा।",
        "नगर परिषद ने कल रात पुराना बंदरगाह बेच दिया और किसी से पूछा तक नहीं। सोमवार से हर मछुआरे को अपनी "
        "नाव खड़ी करने के पैसे देने पड़ेंगे। शनिवार को चौक पर आइए, अपने पड़ोसियों को साथ लाइए और बताइए कि आप "
        "क्या सोचते हैं!",
        ("हमारा_शहर", "वालडोरा", "शनिवार_को_चौक_पर"),
        (("ड़", "ड"), ("।", "."), ("ए", "ये"), ("कि ", "की ")),
    ),
    "Thai": Written(
        "สะพานเก่าจะปิดตั้งแต่เที่ยงวันอาทิตย์นี้",
        "สภาเมืองขายท่าเรือเก่าไปเมื่อคืนนี้โดยไม่ได้ถามใครเลยสักคน ตั้งแต่วันจันทร์ชาวประมงทุกคนต้องจ่ายค่าจอดเรือเอง "
        "วันเสาร์นี้ขอให้ทุกคนมาที่ลานกลางเมือง ชวนเพื่อนบ้านมาด้วย แล้วบอกพวกเขาว่าเราคิดอย่างไรกับเรื่องนี้",
        ("เมืองของเรา", "วัลดอร์รา", "วันเสาร์ที่ลานเมือง"),
        ((" ", ""), ("แ", "เเ"), ("นี้", "เนี้ย")),
    ),
    "Chinese": Written(
        "老桥从星期天中午起封闭，行人和车辆都不能通过，请大家提前绕行，上班的人最好早点出门。",
        "市议会昨天晚上把老港口卖掉了，事先没有问过任何人。从星期一开始，每个渔民都要自己付钱才能停船，很多人家里根本拿不出"
        "这笔钱。请大家星期六到广场上来，带上你的邻居，把自己的想法当面告诉他们。孩子们以后还要在这里看海，老人们还要在这里"
        "散步，我们不能让别人替我们决定。港口是大家一起修起来的，不是哪一个人的财产，应该由全城的居民投票来决定它的将来，"
        "请把这条消息转给更多的人看。",
        ("我们的城市", "瓦尔多拉", "星期六大家都到广场上来见面"),
        (("，", ","), ("。", ""), ("星期", "周"), ("，", " ")),
    ),
    "Japanese": Written(
        "古い橋は日曜日の正午から通れなくなります。歩く人も車も、早めに回り道をしてください。",
        "市議会は昨日の夜、誰にも聞かずに古い港を売ってしまいました。月曜日からは、漁師はみんな自分の船を泊める場所のお金を払わ"
        "なければなりません。土曜日には広場に来てください。近所の人も連れてきて、自分の考えをはっきり伝えましょう。港はみんなで"
        "作ったもので、一人の持ち物ではありません。子どもたちがこれからも海を見られるように、町に住む人の投票で決めるべきだと思い"
        "ます。このメッセージをもっと多くの人に広めてください。",
        ("わたしたちの町", "バルドラ", "土曜日はみんなで広場へ"),
        (("、", ""), ("。", "!"), ("ください", "下さい"), ("メッセージ", "ﾒｯｾｰｼﾞ")),
    ),
    "Korean": Written(
        "오래된 다리는 일요일 정오부터 닫히니 모두 다른 길로 돌아가 주세요.",
        "시의회가 어젯밤 아무에게도 묻지 않고 오래된 항구를 팔아 버렸습니다. 월요일부터는 모든 어부가 "
        "배를 대는 자리의 값을 스스로 내야 합니다. 토요일에 광장으로 나와 주세요. 이웃도 함께 데려와서 "
        "우리가 어떻게 생각하는지 분명히 말해 줍시다. "
        "항구는 모두가 함께 지은 것이지 한 사람의 재산이 아닙니다. 이 소식을 더 많은 사람에게 알려 주세요.",
        ("우리도시", "발도라", "토요일광장에서만나요"),
        ((" 주세요", "주세요"), (" 버렸", "버렸"), ("습니다", "슴니다"), (".", "")),
    ),
    "Russian": Written(
        "Старый мост закроют в воскресенье днём!",
        "Городской совет прошлой ночью продал старый порт и никого не спросил. С понедельника каждый рыбак "
        "сам платит за своё место у причала. Приходите в субботу на площадь, приводите соседей и скажите "
        "им всё, что думаете!",
        ("НашГород", "Валдорра", "СубботаНаПлощади"),
        (("ё", "е"), ("й", "и")),
    ),
    "Azerbaijani": Written(
        "Köhnə körpü bazar günü günorta bağlanır.",
        "Şəhər şurası dünən gecə köhnə limanı satdı və heç kimdən soruşmadı. Bazar ertəsindən hər balıqçı öz "
        "yeri üçün pul ödəyəcək. Şənbə günü meydana gəlin, qonşularınızı da gətirin və nə düşündüyünüzü "
        "onlara açıq deyin!",
        ("BizimŞəhər", "Valdorra", "ŞənbəGünüMeydanda"),
        (("ə", "e"), ("ı", "i"), ("ş", "s"), ("ç", "c"), ("ğ", "g")),
    ),
    "Turkish": Written(
        "Eski köprü pazar günü öğlen kapatılıyor.",
        "Belediye meclisi dün gece eski limanı sattı ve kimseye sormadı. Pazartesiden itibaren her balıkçı "
        "kendi yeri için para ödeyecek. Cumartesi günü meydana gelin, komşularınızı da getirin ve ne "
        "düşündüğünüzü açıkça söyleyin!",
        ("BizimŞehir", "Valdorra", "CumartesiMeydanda"),
        (("ı", "i"), ("ş", "s"), ("ç", "c"), ("ğ", "g"), ("ö", "o")),
    ),
    "Amharic": Written(
        "አሮጌው ድልድይ ከእሁድ ቀትር ጀምሮ ለሁሉም ሰው ዝግ ይሆናል።",
        "የከተማው ምክር ቤት ትናንት ማታ ማንንም ሳይጠይቅ አሮጌውን ወደብ ሸጠው። ከሰኞ ጀምሮ እያንዳንዱ ዓሣ አጥማጅ ለጀልባው ማቆሚያ ራሱ "
        "ይከፍላል። ቅዳሜ ዕለት ወደ አደባባዩ ኑ፤ ጎረቤቶቻችሁንም ይዛችሁ ኑ፤ ምን እንደምታስቡም በግልጽ ንገሯቸው። ወደቡን የሠራነው ሁላችንም "
        "ነን፤ የአንድ ሰው ንብረት አይደለም!",
        ("ከተማችን", "ቫልዶራ", "ቅዳሜ_በአደባባዩ"),
        (("ሣ", "ሳ"), ("ሠ", "ሰ"), ("ዓ", "አ"), ("ዕ", "እ"), ("።", "."), (" ", "፡")),
    ),
}
