"""Spanish: phrases written for the scenarios."""

from stream.scenarios.tongues.grammar import Tongue, Topic, bits

_FUTBOL = Topic(
    tags=bits("LaLiga|futbol|Libertadores|derbi"),
    who=bits("""el árbitro|nuestro portero|el nueve suplente|mi cuñado [name]|el juez de línea
        |el técnico|el chico de [place]|la hinchada|el dorsal [n]|el relator|la directiva"""),
    does=bits("""se inventó [what]|falló [what]|festeja [what]|no perdona [what]
        |todavía reclama [what]|nos regaló [what]|llora por [what]|confundió la cancha con [what]
        |prometió [what]|discute sobre [what]|merece [what]"""),
    what=bits("""un penal de risa|el córner del minuto [n]|una roja injusta|el clásico
        |un saque de banda eterno|la camiseta suplente|un gol olímpico|el empate
        |un fuera de juego clarísimo|la tanda de penales"""),
)
_COMIDA = Topic(
    tags=bits("receta|comida|asado|tapas"),
    who=bits("""mi abuela|la panadera de [place]|el puesto de la esquina|mi compañera [name]
        |el vecino del cuarto|la suegra|mi hermano chico|la fonda del mercado|un desconocido
        |el horno nuevo"""),
    does=bits("""prepara [what]|quemó [what]|esconde [what]|cobra una fortuna por [what]
        |arruinó con piña [what]|se acabó [what]|jura que inventó [what]|me debe [what]
        |regala [what]|mejoró [what]"""),
    what=bits("""las croquetas|un guiso de lentejas|la última empanada|[n] tacos al pastor
        |el flan casero|una tortilla sin cebolla|el pan de anís|arroz con leche|un mole espectacular
        |las arepas de ayer"""),
)
_TRAFICO = Topic(
    tags=bits("metro|trafico|bici|tren"),
    who=bits("""el metro de las [clock]|el chofer del [n]|un señor con una jaula|la línea [n]
        |mi bicicleta|el semáforo|el tren a [place]|una paloma|el taxista|la grúa"""),
    does=bits("""bloquea [what]|se tragó [what]|anuncia [what]|esquiva [what]|sueña con [what]
        |espera [what]|se saltó [what]|chocó con [what]|canta sobre [what]|pide disculpas por [what]"""),
    what=bits("""la parada de [place]|mi tarjeta|dos estaciones|una zanja|cebolla frita|la lluvia
        |un desfile escolar|el puente viejo|la avería de siempre|tres turistas perdidos"""),
)
_SERIES = Topic(
    tags=bits("telenovela|series|cine|estreno"),
    who=bits("""la villana|el guionista|la detective|el gemelo malo|mi tía [name]|el jurado
        |la protagonista|el doblaje|el capítulo [n]|el presentador"""),
    does=bits("""reveló [what]|arruinó [what]|llora con [what]|adora [what]|no entiende [what]
        |heredó [what]|resume [what]|merecía [what]|perdió [what]|imita [what]"""),
    what=bits("""la boda|el testamento|una peluca horrible|la escena del faro|al culpable equivocado
        |el final de temporada|la hacienda|un premio|la canción de inicio|el perro del conde"""),
)
_TRABAJO = Topic(
    tags=bits("oficina|trabajo|lunes|teletrabajo"),
    who=bits("""mi jefa|la impresora|el becario [name]|recursos humanos|el cliente de [place]
        |la cafetera|contabilidad|el ascensor|mi compañero de mesa|el consultor"""),
    does=bits("""convocó [what]|rompió [what]|perdió [what]|pide [what] para las [clock]
        |canceló [what]|mandó a todos [what]|decoró [what]|odia [what]|firmó [what]|bautizó [what]"""),
    what=bits("""una reunión eterna|la hoja de [n] filas|el café bueno|la nómina
        |el informe trimestral|la planta|un taller de sonrisas|mi silla|la contraseña|el microondas"""),
)

TONGUE = Tongue(
    code="es",
    script="Latin",
    share=12,
    topics=(_FUTBOL, _SERIES, _COMIDA, _TRABAJO, _TRAFICO),
    tails=bits("""desde el desayuno|por [n] vez|delante de todos|en [place]|sin avisar|según [name]
        |antes de las [clock]|como siempre|bajo el granizo|y nadie dijo nada|en vivo|toda la semana
        |con una cara de piedra|un miércoles|cerca de [place]|en vez de dormir|sin mirar
        |mientras [name] grababa|y me encanta|en pantuflas|otra vez"""),
    openers=bits("""La verdad|Oigan|Atención|Recordatorio|Día [n]|Desde [place]|Pregunta seria
        |Perdón pero|Ojo|Total|Noticias de [place]|[name] tenía razón|Confirmo|Lo juro|Resumen
        |Auxilio|Qué día|Opinión impopular"""),
    remarks=bits("""necesito una siesta|[name] va a estar insoportable|alguien me debe [n] pesos
        |mi madre lo dijo|me mudo a [place]|pregúntame a las [clock]|manden galletas|no estaba lista
        |sin más preguntas|el grupo de la familia está ardiendo|todavía me río|saluden a [name]
        |había que estar ahí|valió la pena|cada año es peor|quiero la segunda parte
        |[n] testigos y ningún culpable|guardo las pruebas|ya ni me enojo|nos vemos en [place]"""),
    shorts=bits("""jajaja|igual|no|sí|qué|por fin|ya|uff|tal cual|me muero|ayuda|gracias|qué risa
        |increíble|buenas noches|amo|literal|quién fue|ni modo"""),
    greetings=bits("""Buenos días|Buenos días a todos|Buen día gente|Feliz miércoles
        |Buenos días desde [place]|Buen día, café y a darle|Buenos días mundo
        |Que tengan un lindo día|Feliz mitad de semana a todos"""),
    names=bits("""Lupita|Ramiro|Ximena|Paco|Yolanda|Nahuel|Rocío|Tadeo|Belén|Chema|Milagros|Iker
        |Socorro|Facundo|Nuria|Wilmer|Candela|Eusebio|Pilar|Joaquín"""),
    places=bits("""Puebla|Rosario|Cádiz|Cusco|Medellín|Lugo|Salta|Oaxaca|Murcia|Quito|Iquique|Huelva
        |Asunción|Tandil|León|Cali|Mérida|Soria|Valparaíso|Maracay"""),
)
