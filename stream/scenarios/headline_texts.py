"""Headlines written for the scenarios.

The places are invented; two headlines speak of New Caledonia, as the press did on that day.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A story as its outlet published it.

    Attributes:
        lang: language of those who share it.
        n_shares: accounts that share it.
        start_min: when it breaks, minutes after the scenario's start.
        spread_min: mean time until a share, in minutes.
        rush: shares within the first five minutes.
        slug: end of its address; names it in recounts.
        outlet: who published it.
        tags: hashtags that some put to it.
        text: the headline.
    """

    lang: str
    n_shares: int
    start_min: float
    spread_min: float
    rush: int
    slug: str
    outlet: str
    tags: tuple[str, ...]
    text: str


# The first line of each is, in order, all attributes but the text; the second is the text.
_TABLE = """
en 420 20 85 0 tarnvale-dam dailyharbour Tarnvale dam
Thousands asked to leave Tarnvale valley as engineers inspect crack in reservoir dam

en 330 148 45 110 stonebridge-quake dailyharbour earthquake Stonebridge
Earthquake of magnitude 5.9 shakes Stonebridge coast, no tsunami warning issued

fr 260 55 60 0 noumea-vols lecourrierdusoir NouvelleCaledonie Noumea
Nouvelle-Calédonie : les vols vers Nouméa suspendus, réunion de crise à Paris cet après-midi

en 190 75 60 0 noumea-flights dailyharbour NewCaledonia Noumea
New Caledonia: airport stays closed and shops run short after second night of unrest in Noumea

ja 210 5 80 0 shinkai-kaseki minatoshimbun クラゲ 深海
深海調査船が新種とみられる発光クラゲを撮影、研究チームが映像を公開

ja 150 120 60 0 ekimae-pan minatoshimbun 閉店 パン
老舗パン店の閉店に惜しむ声、最終日は早朝から五百人の行列

es 200 10 75 0 rocamora-lluvia elfarodelsur Rocamora lluvias
Las lluvias dejan sin agua potable a media Rocamora y obligan a cerrar las escuelas

es 130 100 60 0 valdorra-tren elfarodelsur trenes Valdorra
El tren nocturno entre Valdorra y Rocamora vuelve a circular veinte años después

ar 160 30 70 0 jisr-jadid sahifatalmina الجسر_الجديد
افتتاح الجسر الجديد في مدينة الميناء بعد سبع سنوات من الأعمال وازدحام كبير في يومه الأول

ar 100 170 50 0 matar-qadim sahifatalmina عاصفة_رملية
تأجيل رحلات المطار القديم ساعتين بسبب عاصفة رملية مفاجئة غرب العاصمة

pt 140 15 70 0 ponte-serra gazetadabarra SerraClara
Ponte histórica de Serra Clara reabre para pedestres depois de três anos de obras

pt 90 190 50 0 baleia-praia gazetadabarra baleia
Filhote de baleia encalhado na Praia do Norte volta ao mar com ajuda de moradores

ru 130 40 70 0 ledokol-muzey vestnikgavani ледокол музей
Старый ледокол встал на вечную стоянку и станет музеем северных экспедиций

ru 85 160 50 0 most-remont vestnikgavani мост пробки
Мост через Светлую закрыли на ремонт, объезд займёт до сорока минут

de 110 25 70 0 otterbach-bahn hafenkurier Otterbach Bahn
Nach Felssturz bei Otterbach: Bahnstrecke bleibt mindestens zwei Wochen gesperrt

de 70 180 50 0 spargel-preis hafenkurier Spargel
Spargelbauern im Brückfelder Land fahren wegen Dauerregens halbe Ernte ein

fr 150 12 70 0 lac-bleu-loup lecourrierdusoir LacBleu loup
Un loup filmé en plein centre de Lac-Bleu, la mairie appelle les promeneurs à la prudence

fr 95 165 50 0 flamme-retard lecourrierdusoir Paris2024 flamme
Le parcours de la flamme olympique raccourci à Grand-Rosier à cause du vent

tr 100 35 70 0 kale-restorasyon limangazetesi arkeoloji mozaik
Tarihi kalenin surlarında bulunan mozaik, restorasyon ekibini şaşırttı

tr 70 140 50 0 vapur-grev limangazetesi vapur grev
Vapur seferlerinde grev kararı: yarın sabah altı hat çalışmayacak

id 110 45 70 0 gajah-jembatan kabarpelabuhan gajah
Kawanan gajah melintasi jembatan desa, warga menunggu dua jam dengan sabar

id 75 155 50 0 festival-layang kabarpelabuhan festival
Festival layang-layang ditunda sehari karena angin terlalu kencang di pesisir

ko 100 50 70 0 seongdang-jongi hangushinmun 악보 발견
백 년 된 성당에서 한지로 쓴 악보 발견, 다음 달 첫 공개 연주

ko 70 150 50 0 jihacheol-gugan hangushinmun 지하철
도심 지하철 두 구간 새벽 첫차 지연, 선로 점검 끝나 정상 운행

hi 90 28 70 0 nadi-pul tatsamachar पुल गाँव
पहाड़ी गाँव को जोड़ने वाला झूला पुल तैयार, बच्चों का दो घंटे का रास्ता बचेगा

hi 60 145 50 0 aam-mela tatsamachar आम
आम मेले में तीन सौ किस्में, सबसे भारी आम तौलने के लिए मँगानी पड़ी दूसरी तराज़ू

th 90 33 70 0 tao-thale khaothaharuea เต่าทะเล
เต่าทะเลขึ้นวางไข่บนหาดใจกลางเมืองครั้งแรกในรอบยี่สิบปี เจ้าหน้าที่กั้นพื้นที่

zh 80 38 70 0 gucheng-ta gangwanribao 古城
古城钟楼修缮时发现百年前工匠留下的信，将在博物馆展出

en 140 90 70 0 aldermoor-library northgazette libraries
Aldermoor library returns to opening on Sundays after readers raise the money themselves

en 120 0 80 0 eskhaven-ferry northgazette Eskhaven
Eskhaven ferry stuck on sandbank for a sixth hour, passengers sing until the tide turns

en 100 200 45 0 kestrelton-owl northgazette owl cricket
Escaped eagle owl holds up play for forty minutes at Kestrelton cricket ground

es 90 185 45 0 isla-parda-faro elfarodelsur IslaParda
El faro de Isla Parda busca guardián: casa gratis, sueldo modesto y dos cabras

ja 95 190 45 0 neko-ekicho minatoshimbun 猫駅長
三代目の猫駅長が就任、初日の仕事は改札横での昼寝
"""


def _headline(record: str) -> Headline:
    facts, text = record.strip().split("\n")
    lang, n_shares, start_min, spread_min, rush, slug, outlet, *tags = facts.split()
    return Headline(
        lang=lang,
        n_shares=int(n_shares),
        start_min=float(start_min),
        spread_min=float(spread_min),
        rush=int(rush),
        slug=slug,
        outlet=outlet,
        tags=tuple(tags),
        text=text,
    )


HEADLINES: tuple[Headline, ...] = tuple(_headline(record) for record in _TABLE.split("\n\n"))
