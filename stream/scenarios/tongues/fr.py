"""French: phrases written for the scenarios."""

from stream.scenarios.tongues.grammar import Tongue, Topic, bits

_FOOT = Topic(
    tags=bits("Ligue1|TeamOM|foot|mercato"),
    who=bits("""l'arbitre|notre gardien|le numéro [n]|le coach|le petit jeune de [place]|la VAR
        |le capitaine|le commentateur|mon voisin de tribune|le kiné|la doublure|le président du club"""),
    does=bits("""siffle [what]|rate [what]|réclame [what]|oublie complètement [what]
        |nous sort [what]|mérite [what]|fête [what] tout seul|confond le terrain avec [what]
        |ressasse [what]|signe pour [what]|refuse [what]"""),
    what=bits("""un penalty imaginaire|le corner de la [n]e minute|un hors-jeu de trois mètres
        |la touche la plus lente|une passe en retrait|le maillot extérieur|un coup franc à [place]
        |le barrage retour|une main évidente|le match nul|un carton pour une chaussette"""),
)
_BOULOT = Topic(
    tags=bits("boulot|teletravail|reunion|lundi"),
    who=bits("""mon chef|l'imprimante du [n]e|la compta|le stagiaire [name]|mon collègue breton
        |la DRH|le client|la machine à café|le consultant|l'ascenseur|la fille de l'accueil"""),
    does=bits("""organise [what]|plante [what]|envoie à tout le monde [what]|cherche [what] partout
        |annule [what] à [clock]|me demande [what] pour hier|a repeint [what]|se bat contre [what]
        |présente [what] en anglais|imprime [what] en couleur"""),
    what=bits("""une réunion sur les réunions|le tableau de [n] colonnes|la note de frais
        |le frigo commun|un séminaire à [place]|le seul stylo qui marche|le badge de [name]
        |la plante verte|l'entretien annuel|un escape game obligatoire"""),
)
_CUISINE = Topic(
    tags=bits("recette|cuisine|aperitif|boulangerie"),
    who=bits("""ma grand-mère|le boulanger de [place]|mon levain|la voisine du dessous
        |mon coloc [name]|le marché de [place]|la cantine|mon beau-frère|le camion à pizzas
        |un parfait inconnu"""),
    does=bits("""prépare [what]|brûle [what]|vend [what] à prix d'or|ne jure que par [what]
        |cache [what]|m'offre [what]|met de l'ananas sur [what]|rate depuis toujours [what]
        |finit [what] sans demander|réinvente [what]"""),
    what=bits("""la tarte aux mirabelles|un gratin pour [n]|la soupe de poireaux
        |des rillettes maison|le dernier éclair au café|une omelette douteuse|le pain au seigle
        |des cornichons géants|la mousse au chocolat|un couscous d'anthologie"""),
)
_TRAINS = Topic(
    tags=bits("SNCF|RERB|retard|velo"),
    who=bits("""le [clock] pour [place]|le conducteur du bus [n]|un monsieur avec un violoncelle
        |le portique|la ligne [n]|mon vélo|le contrôleur|une dame au chapeau vert|le tramway
        |le car de remplacement"""),
    does=bits("""bloque [what]|annonce [what]|contourne [what]|s'excuse pour [what]
        |attend toujours [what]|sent très fort [what]|saute [what]|tombe en panne devant [what]
        |ramasse [what]|avale [what]"""),
    what=bits("""la gare de [place]|une panne de signal|mon abonnement|deux stations
        |un troupeau de collégiens|la voie d'à côté|une valise oubliée|le fromage de chèvre
        |la correspondance|des travaux sans ouvriers"""),
)
_TELE = Topic(
    tags=bits("TopChef|serie|cinema|Cannes2024"),
    who=bits("""le scénariste|la présentatrice|le méchant|l'inspectrice|le candidat de [place]
        |le jury|ma tante [name]|le doubleur|la star de la saison [n]|le figurant du fond"""),
    does=bits("""révèle [what]|pleure devant [what]|méritait [what]|ne comprend pas [what]
        |quitte le plateau pour [what]|résume [what] en trois mots|adore [what]
        |dédie son prix à [what]|gâche [what]|imite [what]"""),
    what=bits("""la scène du phare|le jumeau caché|une perruque affreuse|l'épisode [n]
        |la musique du générique|le mauvais coupable|un soufflé raplapla|la palme du kitsch
        |un ralenti interminable|le chien du héros"""),
)
_CALEDONIE = Topic(
    tags=bits("NouvelleCaledonie|Noumea|Caillou|Paris2024|outremer"),
    who=bits("""ma sœur à Nouméa|le journal de midi|un ancien prof de [place]|le haut-commissaire
        |mon pote [name]|le député du coin|la pharmacienne de Dumbéa|l'historienne invitée
        |la compagnie aérienne|un élu de la province"""),
    does=bits("""évoque [what]|s'inquiète pour [what]|explique bien [what]
        |cherche des infos sur [what]|demande le calme après [what]|raconte [what] au téléphone
        |ne dort plus depuis [what]|compare la situation avec [what]|publie une photo de [what]"""),
    what=bits("""le couvre-feu à Nouméa|la réforme du corps électoral|les rayons vides
        |les barrages sur la route|l'accord de 1998|les écoles fermées en Nouvelle-Calédonie
        |le vol annulé de [clock]|la flamme olympique|l'usine de nickel|les billets pour les Jeux"""),
)
_METEO = Topic(
    tags=bits("meteo|pluie|jardin|printemps"),
    who=bits("""le ciel de [place]|mon parapluie|le chat de [name]|la gouttière|mon plant de tomates
        |l'appli météo|le vent|le merle du jardin|la rivière|mon linge"""),
    does=bits("""annonce [what]|refuse [what]|nous promet [what] avant [clock]|nargue [what]
        |a noyé [what]|attend [what] depuis [n] jours|emporte [what]|confond mai avec [what]
        |arrose [what]|survit à [what]"""),
    what=bits("""la Toussaint|un orage de grêle|trois gouttes|le barbecue de dimanche|les limaces
        |une éclaircie|la nappe du salon|un arc-en-ciel|mes géraniums|le mois de novembre"""),
)

TONGUE = Tongue(
    code="fr",
    script="Latin",
    share=12,
    topics=(_FOOT, _CALEDONIE, _TRAINS, _TELE, _BOULOT, _CUISINE, _METEO),
    tails=bits("""depuis ce matin|pour la [n]e fois|devant tout le monde|à [place]|sans prévenir
        |d'après [name]|avant [clock]|comme d'habitude|sous la grêle|et personne ne bronche
        |en plein direct|toute la semaine|avec un aplomb incroyable|un mercredi|près de [place]
        |au lieu de dormir|les mains dans les poches|pendant que [name] filme|sans même regarder
        |et ça me fait rire|à côté d'un chien perplexe|en chaussettes"""),
    openers=bits("""Bon|Alors|Franchement|Info trafic|Rappel|Question sérieuse|Jour [n]
        |En direct de [place]|Pardon mais|Je dis ça|Ici [place]|Petit bonheur|Sans mentir
        |[name] avait raison|Breaking chez moi|Coup de gueule|Au secours|Vous aussi|Ce moment où
        |Bilan"""),
    remarks=bits("""j'ai besoin d'une sieste|[name] va être insupportable|on me doit [n] euros
        |on en reparle à [clock]|je retourne vivre à [place]|ma mère l'avait dit|envoyez du chocolat
        |j'étais pas prête|plus aucune question|c'est tout pour moi|le groupe familial explose
        |on n'est pas bien là|dites bonjour à [name]|fallait y être|j'ai ri jusqu'à [clock]
        |rendez-vous à [place]|ça valait le détour|c'est pire chaque année|vivement la suite
        |[n] témoins, aucun coupable|je garde les preuves|qui pour une pétition|même pas en colère"""),
    shorts=bits("""mdr|ptdr|pareil|non|oui|quoi|pff|bravo|enfin|jpp|ah bon|trop vrai|au secours
        |bonne nuit|merci|la honte|incroyable|génial|mais non|voilà"""),
    greetings=bits("""Bonjour|Bonjour à tous|Bonjour tout le monde|Bon mercredi à tous
        |Hello les amis, bonne journée|Bonjour de [place]|Belle journée à vous
        |Coucou, café pour tout le monde|Bonne journée la compagnie"""),
    names=bits("""Maëlle|Bastien|Odile|Karim|Solène|Thibault|Aminata|Gaspard|Yvette|Loïc|Fatou|Rémi
        |Clémence|Youssef|Hortense|Marius|Capucine|Enzo|Ghislaine|Malo"""),
    places=bits("""Brest|Limoges|Nancy|Pau|Roubaix|Albi|Quimper|Sète|Dijon|Vierzon|Bayonne|Troyes
        |Liège|Lausanne|Dakar|Annecy|Tulle|Saint-Denis|Cayenne|Mâcon"""),
)
