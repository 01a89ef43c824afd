"""Portuguese: phrases written for the scenarios."""

from stream.scenarios.tongues.grammar import Tongue, Topic, bits

_FUTEBOL = Topic(
    tags=bits("Brasileirao|futebol|classico|varzea"),
    who=bits("""o juiz|nosso goleiro|o camisa [n]|o técnico interino|meu primo [name]|o bandeirinha
        |a torcida|o menino de [place]|o narrador|o lateral esquerdo"""),
    does=bits("""inventou [what]|perdeu [what]|comemora [what]|não esquece [what]|xinga [what]
        |merecia [what]|entregou [what]|ganhou [what] no grito|chutou [what]|chora com [what]"""),
    what=bits("""um pênalti ridículo|o escanteio dos [n]|um gol contra|a camisa nova
        |o empate em [place]|um cartão por nada|a bola do jogo|o gramado alagado
        |um impedimento de dois metros|a cobrança de falta"""),
)
_COZINHA = Topic(
    tags=bits("receita|comida|churrasco|cafe"),
    who=bits("""minha avó|a padaria de [place]|a vizinha do [n]|meu cunhado|a feira
        |minha amiga [name]|o seu Zé do bar|a cantina|meu forno velho|a marmita da firma"""),
    does=bits("""faz [what]|queimou [what]|esconde [what]|cobra caro por [what]|acabou com [what]
        |cobriu de uva passa [what]|jura que criou [what]|me deve [what]|levou [what] pra festa
        |aprendeu [what]"""),
    what=bits("""o pão de queijo|uma feijoada pra [n]|o último pastel|bolo de fubá|a farofa da ceia
        |um brigadeiro gigante|a moqueca|tapioca com coco|o café sem açúcar|a coxinha do recreio"""),
)
_NOVELA = Topic(
    tags=bits("novela|BBB|serie|estreia"),
    who=bits("""a vilã|o mocinho|a roteirista|minha tia [name]|o apresentador|a sister
        |o capítulo [n]|o figurante|a dubladora|o detetive"""),
    does=bits("""revelou [what]|estragou [what]|chorou com [what]|casou durante [what]
        |não entendeu [what]|perdeu [what]|imita [what]|herdou [what]|merecia [what]|cortou [what]"""),
    what=bits("""o testamento|a cena do farol|uma peruca medonha|o final|a fazenda|o gêmeo perdido
        |a prova do líder|o beijo de ontem|a trilha sonora|um prêmio"""),
)
_TRANSITO = Topic(
    tags=bits("metro|transito|onibus|SP"),
    who=bits("""o ônibus [n]|a linha de [place]|o motorista|um senhor com um papagaio|minha bike
        |o trem das [clock]|a catraca|o motoboy|uma capivara|o fiscal"""),
    does=bits("""parou [what]|engoliu [what]|driblou [what]|fareja [what]|espera [what]|pulou [what]
        |avisou sobre [what]|amassou [what]|canta pra [what]|atrasou [what]"""),
    what=bits("""a estação de [place]|meu bilhete|pastel frito|a chuva|a ponte|uma excursão escolar
        |três pontos|o viaduto inteiro|uma obra sem fim|a passeata dos patinetes"""),
)
_FACUL = Topic(
    tags=bits("facul|TCC|provas|enem"),
    who=bits("""meu orientador|a biblioteca|o grupo do trabalho|minha colega [name]
        |o professor de cálculo|a secretaria|o xerox|a turma do [n]|o bandejão|meu caderno"""),
    does=bits("""sumiu com [what]|adiou [what]|dormiu durante [what]|pediu [what] às [clock]
        |riscou [what]|perdeu [what]|fez meme com [what]|esqueceu [what]|não corrigiu [what]
        |explicou [what] com bonecos"""),
    what=bits("""a prova final|a bibliografia|o seminário|a aula de química|a lista com [n] questões
        |o meu pendrive|a defesa|a introdução|a chamada|a bolsa"""),
)

TONGUE = Tongue(
    code="pt",
    script="Latin",
    share=7,
    topics=(_FUTEBOL, _NOVELA, _COZINHA, _TRANSITO, _FACUL),
    tails=bits("""desde cedo|pela [n]ª vez|na frente de todo mundo|em [place]|sem avisar
        |segundo [name]|antes das [clock]|como sempre|debaixo de granizo|e ninguém falou nada
        |ao vivo|a semana toda|na maior cara de pau|numa quarta|perto de [place]|em vez de dormir
        |enquanto [name] filmava|e eu amei|de chinelo|de novo"""),
    openers=bits("""Gente|Sério|Olha|Lembrete|Dia [n]|Direto de [place]|Pergunta sincera
        |Desculpa mas|Resumo|Confirmado|Notícias de [place]|[name] tinha razão|Juro|Socorro
        |Opinião polêmica|Pensando aqui"""),
    remarks=bits("""preciso de um cochilo|[name] vai ficar insuportável|alguém me deve [n] reais
        |minha mãe avisou|vou morar em [place]|me pergunta às [clock]|mandem bolo
        |eu não estava pronta|sem mais perguntas|o grupo da família pegou fogo|ainda estou rindo
        |um beijo pra [name]|só quem viu sabe|valeu cada centavo|todo ano piora|quero a parte dois
        |[n] testemunhas e nenhum culpado|guardei as provas|nem raiva eu tenho"""),
    shorts=bits("""kkkkk|mesma coisa|não|sim|oi|que isso|enfim|socorro|amei|real|tô rindo|obrigada
        |boa noite|misericórdia|finalmente|chorei|gente"""),
    greetings=bits("""Bom dia|Bom dia gente|Bom dia a todos|Bom dia meus amores
        |Ótima quarta pra vocês|Bom dia de [place]|Bom dia, já tomei café
        |Um dia abençoado pra todos nós|Acorda Brasil"""),
    names=bits("""Juçara|Thiago|Marlene|Caio|Ivete|Rodrigo|Taís|Edmilson|Lívia|Otávio|Neide|Davi
        |Rosângela|Breno|Luana|Gérson|Dalva|Murilo"""),
    places=bits("""Manaus|Olinda|Pelotas|Braga|Recife|Coimbra|Santos|Natal|Ilhéus|Faro|Goiânia
        |Blumenau|Luanda|Maputo|Bauru|Sobral"""),
)
