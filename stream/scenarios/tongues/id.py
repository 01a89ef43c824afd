"""Indonesian: phrases written for the scenarios."""

from stream.scenarios.tongues.grammar import Tongue, Topic, bits

_BOLA = Topic(
    tags=bits("timnas|liga1|bola|nobar"),
    who=bits("""wasitnya|kiper kita|nomor punggung [n]|pelatih baru|sepupuku [name]|komentator itu
        |anak [place]|hakim garis|suporter tamu|striker cadangan"""),
    does=bits("""ngasih [what]|gagal dapat [what]|masih bahas [what]|nangis gara-gara [what]
        |pantas dapat [what]|lupa [what]|merayakan [what] sendirian|ribut soal [what]
        |ketinggalan [what]|janji [what]"""),
    what=bits("""penalti ngawur|tendangan sudut menit [n]|kartu merah|jersey tandang|gol bunuh diri
        |hasil imbang|lemparan ke dalam|perpanjangan waktu|tiket final|tendangan bebas"""),
)
_MAKAN = Topic(
    tags=bits("kuliner|resep|jajanan|kopi"),
    who=bits("""nenekku|warung di [place]|tetangga sebelah|teman kos [name]|abang bakso|ibu kantin
        |kucingku|tukang sayur|kafe baru itu|calon mertua"""),
    does=bits("""bikin [what]|menggosongkan [what]|menyembunyikan [what]|jual [what] mahal banget
        |menghabiskan [what]|traktir [what]|menumpahkan [what]|ngaku penemu [what]
        |nggak doyan [what]|nitip [what]"""),
    what=bits("""sambal terasi|nasi goreng [n] porsi|martabak terakhir|klepon hijau|rendang lebaran
        |pisang goreng|soto betawi|es cendol|tahu isi|kerupuk udang"""),
)
_JALAN = Topic(
    tags=bits("KRL|macet|ojol|hujan"),
    who=bits("""kereta jam [clock]|bus nomor [n]|abang ojol|bapak bawa ayam|motor tuaku|lampu merah
        |petugas stasiun|angkot biru|hujan deras|ibu-ibu depan"""),
    does=bits("""menutup [what]|melewatkan [what]|menabrak [what]|menunggu [what]|bau [what]
        |membanjiri [what]|minta maaf soal [what]|menyanyikan [what]|menelan [what]
        |muter lewat [what]"""),
    what=bits("""stasiun [place]|kartu langganan|tiga halte|jembatan lama|rombongan anak TK|gorengan
        |galian kabel|jalan tikus|pasar pagi|sepatu baruku"""),
)
_DRAMA = Topic(
    tags=bits("sinetron|drakor|film|nonton"),
    who=bits("""penulis naskahnya|si antagonis|pembawa acara|tante [name]|pemeran utama
        |juri berkacamata|episode [n]|si kembar|detektifnya|tukang kebun"""),
    does=bits("""membongkar [what]|merusak [what]|kehilangan [what]|meniru [what]|menangisi [what]
        |mewarisi [what]|salah paham soal [what]|melamar demi [what]|membakar [what]
        |menyimpan [what]"""),
    what=bits("""surat wasiat|adegan mercusuar|wig aneh itu|akhir musim|kebun teh|pesta nikah
        |lagu pembuka|piala|tersangka yang salah|buku harian"""),
)

TONGUE = Tongue(
    code="id",
    script="Latin",
    share=5,
    topics=(_BOLA, _DRAMA, _MAKAN, _JALAN),
    tails=bits("""dari pagi|untuk ke-[n] kali|di depan semua orang|di [place]|tanpa bilang
        |kata [name]|sebelum jam [clock]|seperti biasa|pas hujan es|dan semua diam
        |waktu siaran langsung|seminggu penuh|dengan muka datar|hari Rabu|bukannya tidur
        |sambil direkam [name]|dan aku suka|pakai sandal jepit|lagi|tanpa lihat"""),
    openers=bits("""Jujur|Gaes|Info|Pengingat|Hari ke-[n]|Langsung dari [place]|Serius nanya|Maaf ya
        |Fix|Tolong|Bener kata [name]|Sumpah|Ringkasan|Btw|Curhat"""),
    remarks=bits("""butuh tidur siang|[name] pasti makin nyebelin|ada yang utang [n] ribu
        |ibuku sudah bilang|pindah ke [place] aja|tanya lagi jam [clock]|kirim kue dong
        |nggak siap aku|tidak ada pertanyaan lagi|grup keluarga heboh|masih ketawa|salam buat [name]
        |harus lihat sendiri|nggak rugi|makin tahun makin parah|saksi [n] orang|bukti sudah kusimpan
        |marah pun nggak bisa"""),
    shorts=bits("""wkwkwk|sama|nggak|iya|apa|akhirnya|aduh|makasih|selamat malam|siapa itu|mantap
        |nangis|gila|bener|tolong|hadeh"""),
    greetings=bits("""Selamat pagi|Pagi semua|Selamat pagi teman-teman|Selamat hari Rabu
        |Pagi dari [place]|Selamat pagi, jangan lupa sarapan|Semangat pagi|Selamat siang semuanya"""),
    names=bits("""Sari|Bagus|Wulan|Agung|Ningsih|Rizky|Ratna
        |Eko|Mutia|Joko|Laras|Dimas|Yanti|Gilang"""),
    places=bits("""Bogor|Malang|Depok|Medan|Solo|Ambon|Padang|Cirebon|Kupang|Batam|Sleman|Palu|Tegal
        |Bekasi"""),
)
