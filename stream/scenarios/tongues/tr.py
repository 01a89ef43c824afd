"""Turkish: phrases written for the scenarios."""

from stream.scenarios.tongues.grammar import Tongue, Topic, bits

_FUTBOL = Topic(
    tags=bits("superlig|derbi|futbol|maçgünü"),
    who=bits("""hakem|bizim kaleci|[n] numara|teknik direktör|yedek forvet|kuzenim [name]|spiker
        |tribün|[place] takımı|yan hakem"""),
    does=bits("""[what] uydurdu|[what] kaçırdı|[what] görünce ağladı|[what] bekliyor|[what] hak etti
        |[what] unutmuş|[what] istedi|hâlâ [what] konuşuyor|[what] kutladı|[what] hediye etti"""),
    what=bits("""penaltıyı|[n]. dakikadaki korneri|ofsaytı|deplasman formasını|beraberliği
        |kırmızı kartı|uzatmaları|tacı|frikiği|kendi kalesine golü"""),
)
_YEMEK = Topic(
    tags=bits("tarif|kahvaltı|yemek|çay"),
    who=bits("""babaannem|[place] fırını|üst komşu|ev arkadaşım [name]|köşedeki lokanta|kayınvalidem
        |pazarcı amca|iş yerindeki yemekhane|kedim|yeni fırınımız"""),
    does=bits("""[what] yaktı|[what] sakladı|[what] bitirdi|[what] fahiş fiyata satıyor|[what] döktü
        |[what] icat etti|[what] yemiyor|[what] ısmarladı|[what] beğenmedi|[what] çok güzel yapıyor"""),
    what=bits("""mercimek köftesini|[n] porsiyon mantıyı|son simidi|erik reçelini
        |zeytinyağlı sarmayı|su böreğini|menemeni|baklavanın yarısını|turşuyu|irmik helvasını"""),
)
_YOL = Topic(
    tags=bits("metrobüs|trafik|istanbul|vapur"),
    who=bits("""[clock] vapuru|[n] numaralı otobüs|şoför bey|martının biri|turnike
        |kucağında tavuk olan amca|metro hattı|bisikletim|taksici|yağmur"""),
    does=bits("""[what] yuttu|[what] kapattı|[what] bekletiyor|[what] atladı|[what] ıslattı
        |[what] kovaladı|[what] anons etti|[what] övdü|[what] ezdi|[what] es geçti"""),
    what=bits("""köprüyü|akbilimi|üç durağı|[place] yolunu|bütün okulu|turistleri|simitçiyi
        |son seferi|yürüyen merdiveni|yeni ayakkabılarımı"""),
)
_DIZI = Topic(
    tags=bits("dizi|final|yarışma|sinema"),
    who=bits("""senarist|kötü karakter|sunucu|halam [name]|başrol|jüri|[n]. bölüm|dublajcı|dedektif
        |köşkteki hizmetli"""),
    does=bits("""[what] açıkladı|[what] mahvetti|[what] kaybetti|[what] taklit ediyor|[what] buldu
        |[what] sattı|[what] yeniden yazdı|[what] kıskandı|[what] anlamadı|[what] sakladı"""),
    what=bits("""vasiyeti|deniz feneri sahnesini|o çirkin peruğu|kayıp ikizi|final sahnesini|ödülü
        |yalıyı|yanlış şüpheliyi|jenerik müziğini|düğünü"""),
)

TONGUE = Tongue(
    code="tr",
    script="Latin",
    share=5,
    topics=(_FUTBOL, _DIZI, _YEMEK, _YOL),
    tails=bits("""sabahtan beri|[n]. kez|herkesin önünde|haber vermeden|[name] anlattı
        |saat [clock] olmadan|her zamanki gibi|dolu yağarken|kimse de ses etmedi|canlı yayında
        |bütün hafta|çarşamba çarşamba|uyumak yerine|terliklerle|[name] videoya çekti
        |ben de bayıldım|bakmadan|yine|üstüne de güldü"""),
    openers=bits("""Valla|Arkadaşlar|Bakın|Hatırlatma|[n]. gün|[place] bildiriyor|Ciddi soru
        |Kusura bakmayın|Özet|İmdat|[name] haklıymış|Yemin ederim|Bu arada|Son dakika bizim ev"""),
    remarks=bits("""uykum geldi|[name] artık çekilmez|birinin bana [n] lira borcu var|annem demişti
        |[place] yolcusuyum|saat [clock] gibi sorun|kurabiye gönderin|başka sorum yok|hâlâ gülüyorum
        |aile grubu yanıyor|[name] selamlar|orada olmanız lazımdı|değdi|her sene daha kötü
        |[n] tanık var suçlu yok|kanıtlar bende|kızmadım bile"""),
    shorts=bits("""aynen|yok artık|evet|hayır|ne|sonunda|ay|teşekkürler|iyi geceler|kim yaptı|bravo
        |ağlıyorum|of|harika|imdat|doğru"""),
    greetings=bits("""Günaydın|Günaydın herkese|Günaydın dostlar|Mutlu çarşambalar|Günaydın [place]
        |Günaydın, çaylar demlendi|Hayırlı sabahlar|Güzel bir gün olsun"""),
    names=bits("""Gülsüm|Orhan|Şebnem|Tolga|Nermin|Kaan|Feride|İlyas|Müjgan|Cenk|Hacer|Doruk|Sevgi
        |Rıza"""),
    places=bits("""Bursa|Trabzon|Kadıköy|Sivas|Muğla|Edirne|Van|Ordu|Mardin|Beşiktaş|Konya|Sinop
        |Denizli|Kars"""),
)
