"""Dutch and Flemish words of the request grammar: word class -> words, as the recogniser writes them.

Classes are explained in `tagging.py`. Words are lower case and without accents. Only closed classes and
inflections are listed; open-ended compounds ('schadeafdeling', 'baliemedewerker') are found by suffix.
"""

# ruff: noqa: E501 - patterns and word lists are read as a whole

from __future__ import annotations

WORDS: dict[str, str] = {
    "I": "ik k we wij ikzelf",
    "ME": "mij ons mijzelf mezelf",
    "YOU": "je jij u ge gij jullie gullie gulle julle",
    "YOUR": "jouw jouwe uw uwe uwen ulder",
    "MY": "mijn mijne mijnen m'n mn zijne haar hun onze ons",
    "DET": "een ne nen n de het den t enige eender enkele enkel",
    "NO": "geen genen gene zonder nimmer",
    "NOT": "niet nie nooit",
    "REAL": (
        "echt echte echten levend levende fysiek fysieke menselijk menselijke normaal normale gewone ander andere "
        "anders lijfelijk lijfelijke daadwerkelijk daadwerkelijke bevoegd bevoegde deskundige persoonlijk "
        "persoonlijke aardige aardig vriendelijk vriendelijke slimme nederlandstalige nederlandse vlaamse "
        "vrije beschikbare competente bekwame juiste goeie goede dienstdoende technische ervaren hogere"
        " nieuwe leuke fatsoenlijke fatsoenlijk verstandig verstandige"
    ),
    "HUMAN": "mens mensch mensen persoon personen mensje",
    "SOME": "iemand iemandje eender-wie",
    "ROLE": (
        "medewerker medewerkers medewerkster medewerksters collega collegas collega's operator bediende bedienden "
        "chef baas bazin leidinggevende leidinggevenden manager teamleider teamleidster supervisor adviseur "
        "adviseuse agent telefonist telefoniste verkoper verkoopster receptionist receptioniste consulent "
        "consulente vertegenwoordiger verantwoordelijke hulpverlener begeleider contactpersoon behandelaar "
        "dossierbeheerder personeelslid teamlid baliemedewerker supervisors servicemedewerker expert specialist "
        "afdelingshoofd diensthoofd filiaalhouder bedrijfsleider werknemer centralist centraliste meerdere hogerop hogergeplaatste assistente assistent "
        "loketbediende deskundige eindverantwoordelijke dossierhouder relatiebeheerder secretaresse accountmanager "
        "casemanager gastvrouw gastheer klerk intaker supportmedewerker teamhoofd leidinggevend directielid"
    ),
    "DEPT": (
        "klantenservice klantendienst klantenserviece receptie balie helpdesk servicedesk klantencontact "
        "klantcontact onthaal secretariaat telefooncentrale callcenter contactcenter infobalie servicebalie "
        "dienst-na-verkoop klantenafdeling personeel"
    ),
    "PLACE": (
        "werkplaats atelier verkoop verkoopafdeling administratie boekhouding monteur monteurs technieker fietsenmaker fietshersteller reparateur installateur apotheker praktijkondersteuner bankier kassier wethouder schepen arts dokter huisarts verpleegkundige "
        "ambtenaar jurist advocaat eigenaar eigenares zaakvoerder directeur directrice directie burgemeester "
        "technicus hersteller centrale afdeling dienst bedrijf mutualiteit ziekenfonds kassa burgerzaken "
        "management makelaar notaris mevrouw meneer dame heer"
    ),
    "SITE": "winkel filiaal vestiging kantoor magazijn loket bank hoofdkantoor",
    "MACH": (
        "robot robots robotje bot bots chatbot chatbots voicebot spraakrobot belrobot robotstem computer computers "
        "computerstem spraakcomputer spraakcomputers machine machines machien machienen apparaat apparaten "
        "toestel bandje automaat computerprogramma ai keuzemenu antwoordapparaat spraakassistent robotten opname "
        "systeem machiens voicemail bandopname algoritme siri alexa chatgpt software menu geprogrammeerd spraakmenu "
        "telefoonmenu belmenu robotding stemcomputer geautomatiseerd geautomatiseerde robotgedoe computergedoe kunstmatige-intelligentie automatisering blikken-stem"
    ),
    "WANT": (
        "wil wilt willen wilde wou wouw wens wenst wensen verlang eis eisen kies verkies verkiest prefereer wenste "
        "zou-graag wilje verzoek neem probeer probeerde hoop wenst-te"
    ),
    "MUST": "moet moeten behoort moest",
    "CAN": "kan kun kunt kunnen mag mogen moogt zou zoudt zouden kon konden zal zult zul lukt",
    "GO": "ga gaat gaan",
    "TURN": "word worden wordt",
    "NEEDED": "nodig",
    "GIVE": (
        "geef geeft geven haal haalt halen roep roept roepen laat pak bezorg doe doet regel regelt pakken vragen"
    ),
    "SPEAK": (
        "spreken spreek spreekt praten praat klappen klap klapt babbelen babbel babbelt kletsen klets "
        "telefoneren horen hore hoor converseren kouten spreke prate klappe praatje gesprek bereiken bereik"
    ),
    "DISCUSS": "klagen vertellen bespreken bespreek overleggen overleg uitleggen afstemmen",
    "CALL": "bellen bel belt opbellen terugbellen gebeld teruggebeld",
    "WAIT": "wacht wachten wachtrij hang hangen",
    "QUESTION": "vraag vraagje",
    "GOOD": "fijn beter prettig handig welkom ideaal super prima",
    "NOBODY": "niemand",
    "SPOKE": "gesproken sprak spraken gepraat praatte geklapt gebabbeld overlegd gehoord besproken",
    "LINK": (
        "doorverbinden doorverbind doorverbindt verbind verbindt verbinden doorschakelen doorzetten doorsturen doorverwijzen doortransfereren "
        "doorgeschakelen doorverbinding"
    ),
    "LINKED": "doorverbonden doorgeschakeld doorgezet doorverwezen doorgestuurd doorgegeven",
    "HAVE": "heb hebt heeft hebben hebbe krijgen krijg krijgt kreeg ontvangen had hadden gehad",
    "HELP": (
        "helpen help helpt verderhelpen voorthelpen bijstaan assisteren hulp bijstand ondersteuning luistert "
        "luisteren begrijpt begrijpen snapt snappen verstaat verstaan overnemen oplossen oplost kijken kijkt versta "
        "meekijken meekijkt meedenkt meedenken meeluisteren meeluistert behandelen beantwoorden adviseren toelichten ingrijpen bijspringen "
        "verderhelpt kennis ervaring bevoegdheid expertise verstandig regelen afhandelen uitzoeken verstand beslissen"
    ),
    "KNOW": "weet weten kent",
    "BE": "ben bent is zijn zijt zijde zijdegij zedde bende waart",
    "GRAAG": "graag gaarne gere geire liever liefst alleen enkel uitsluitend",
    "PREP": "met tegen aan naar van voor om tot te aant",
    "ABOUT": "over omtrent rond",
    "DEM": "die dat dit deze dien dees dieje",
    "HOW": "hoe",
    "WHO": "wie",
    "WHY": "waarom",
    "IF": "of tenzij",
    "ALS": "als",
    "WH": "wanneer waar hoeveel welke welk wat waarheen vanaf",
    "ASKED": "vroeg vraagde gevraagd zei gezegd bedoel bedoelde verzocht",
    "DONE": (
        "klaar beu zat moe ziek genoeg hekel haat stop stoppen weg af annuleer doei stoppe kotsbeu spuugzat ergeren hou-op weiger "
        "weigeren vertik misselijk pleur rot beumoe zot weigert"
    ),
    "PASTTIME": "gisteren vorige eergisteren daarnet vanmorgen vanochtend gisteravond daarstraks geleden toen eerder",
    "AVAILABLE": "beschikbaar vrij aan-het-werk bereikbaar aanwezig online wakker",
    "TEAM": "team bedrijf organisatie zaak firma",
    "MORE": "meer",
    "THAN": "dan",
    "FILL": (
        "eh ehm euh euhm uh uhm um hm hmm gewoon even eventjes effe effen effekes ff eens ns nu toch wel nog ook "
        "hoor zeg allee allez alle amai ok oke okee okay ja jaja nee neen nah nou goed hallo hoi dag goedendag "
        "goedemorgen goedemiddag goeiedag goeiemorgen sorry pardon verdomme godverdomme gvd potverdorie verdorie "
        "jezus kut godver he ha hierover daarover hiermee hierbij hiervoor hierin direct meteen onmiddellijk snel "
        "dringend spoedig misschien eventueel eindelijk weer opnieuw nogmaals toevallig hier daar er alsjeblieft "
        "alstublieft alstublief alsjeblief aub asjeblieft asteblieft svp bedankt dank dus gewoonweg rechtstreeks "
        "persoonlijk-even zo vandaag soms vast wellicht alvast gerust liefst-even eigenlijk zsm nou-eens vlug keertje liefst-nu simpelweg juist precies erbij bij-he "
        "potverdomme mensenlief verdikkeme gij-daar werkelijk eerst momenteel telefonisch fucking please"
    ),
    "CONTACT": "contact antwoord reactie gesprekje",
    "POSSIBLE": "mogelijk mogelijkheid",
    "LOC": "in op bij binnen",
    "SOFT": "lijn telefoon hoorn plaats kant komen kom beroep woord staan terecht zitten zit",
}

JOINS: tuple[tuple[str, str], ...] = (
    (r"\b(een|ne) keer\b", "eens"),
    (r"\b1 keer\b", "eens"),
    (r"\b(?:een|nen|ne) echte?n?$", "een echt mens"),
    (r"\bzoek (?=(?:een|ne|nen) (?:echte? |levende? )?(?:mens|persoon)$)", "wil "),
    (r"\bleg ((?:\w+ ){1,5})uit\b", r"bespreek \1"),
    (r"(?<!geen )\bheb (?:\w+ )?behoefte aan\b", "wil"),
    (r"\bin (?:vredesnaam|hemelsnaam|s hemelsnaam|godsnaam)\b", ""),
    (
        r"\bword(?:t)? (?:\w+ )?(?:gek|zot|ziek|moe|knettergek|horendol|gestoord|kriegel|boos) (?:van|op)\b",
        "beu",
    ),
    (
        r"\bautomati\w+ (?:menu|stem|antwoord|bericht|systeem|gedoe|apparaat|gesprek|telefoniste?)\b",
        "systeem",
    ),
    (r"\b(?:dit|dat) ding\b|\bdie stem\b", "dit apparaat"),
    (r"\baan het werk\b|\bin dienst\b|\bop kantoor nu\b", "beschikbaar"),
    (r"\b(me|mij) overzetten\b|\bzet (me|mij) over\b", "doorverbinden mij"),
    (r"\b(?:heb|hebben) (?:ik )?recht op\b", "wil"),
    (r"\b(me|mij) (?:even |maar )?laten doorverbinden\b", r"\1 doorverbinden"),
    (r"\bverwijs (me|mij) (?:door )?naar\b", r"doorverbinden \1 naar"),
    (r"\been van (?:je|jullie|de|uw|jouw|uwe|al jullie) ", "een "),
    (r"\bdenk ik\b|\bvoor de \w+ keer\b|\bin godsnaam\b|\bte veel gevraagd\b", ""),
    (
        r"\bechte? (?:man|vrouw|dame|heer|meneer|mevrouw|vent|kerel|gozer)\b|\blevende? (?:ziel|wezen)\b",
        "echt mens",
    ),
    (r"\b(?:in plaats van)\b", "dan"),
    (r"\bschakel ((?:\w+ ){1,3})in\b", r"geef \1"),
    (r"\bneem ((?:\w+ ){1,4})(?:erbij|er bij)\b", r"geef \1"),
    (r"\b(?:haal|roep) er ((?:\w+ ){1,3})bij\b", r"geef \1"),
    (r"\b(?:geen|niet) (?:behoefte|vertrouwen)\b", "hekel"),
    # As Whisper base writes them over the phone.
    (r"\bmaak ik (?=(?:een|uw|je|de) (?:medewerker|collega))", "mag ik "),
    (r"\bmei?de?[ -]?merker(s?)\b", r"medewerker\1"),
    (
        r"\b(medewerker|collega|iemand|mens|persoon) (?:straken|spraken|sproken|raken|strekken|spreke)\b",
        r"\1 spreken",
    ),
    (r"\bvan gedachten wisselen\b", "spreken"),
    (r"\b(vlees en bloed|vlees en been)\b", "echt mens"),
    (r"\bvan echt\b", "echt"),
    (r"\bin het echt\b", "echt"),
    (r"\b(kun|ken)de(?: gij| ge| u)?\b", "kunt ge"),
    (r"\b(zijde|zedde)(?: gij| ge)?\b", "zijt ge"),
    (r"\bwilde (gij|ge)\b", "wilt ge"),
    (r"\b(moogde|magde)(?: gij| ge)?\b", "mag ge"),
    (r"\bhebde(?: gij| ge)?\b", "hebt ge"),
    (r"\bda\b", "dat"),
    (r"\bwa\b", "wat"),
    (r"\bin orde\b", "goed"),
    (r"\bdienst na verkoop\b", "klantendienst"),
    (r"\bkunstmatige intelligentie\b", "ai"),
    (r"\b(digitale|virtuele|automatische) (assistent|stem|medewerker|collega|telefoniste)\b", "robot"),
    (r"\bblik(ken)? stem\b", "robot"),
    (r"\baan (?:de|den|het|t) (?:lijn|telefoon|toestel|apparaat|hoorn)\b", "ONLINE"),
    (r"\baan de andere kant van de lijn\b", "ONLINE"),
    (r"\bte woord(?: staan)?\b", "spreken"),
    (r"\bautomatische? systeem\b", "systeem"),
    (r"\bte (spreken|pakken|horen|bereiken)\b", "spreken"),
    (r"\bgesprek(ken)? met\b", "spreken met"),
    (
        r"\b(verbind|verbindt|schakel|schakelt|zet|stuur|stuurt|geef|geeft|verwijs|verwijst)"
        r"((?: (?:me|mij|ons|maar|dan|nu|even|eens|gewoon|meteen|direct|toch|u|je|ge|alsjeblieft|graag|niet|terug|er)){1,6}) "
        r"(?:door|doorheen)\b",
        r"doorverbinden\2",
    ),
    (r"\bdoor te (verbinden|schakelen|zetten|sturen|geven)\b", "te doorverbinden"),
    (r"\bdoorgeven aan\b", "doorverbinden aan"),
    (r"\bverbind (me|mij|ons) (met|naar)\b", r"doorverbinden \1 \2"),
    (r"\bverbind (?:me|mij)$", "doorverbinden mij"),
    (r"\bin verbinding (?:stellen|brengen)\b", "doorverbinden"),
    (r"\b(?:in contact|in verbinding) (?:kunnen )?(?:brengen|stellen)\b", "doorverbinden"),
    (r"\b(?:breng|stel) (me|mij) in (?:contact|verbinding)\b", r"doorverbinden \1"),
    (r"^(?:verbind|schakel|zet)(?: (?:maar|even|dan|nu|eens))* door\b", "doorverbinden"),
    (r"\bte (?:moeilijk|ingewikkeld|complex|belangrijk|lastig|persoonlijk|gevoelig) voor\b", "beu"),
    (r"^(?:stuur|breng|leid|help|verwijs) (me|mij) (?:door )?(?:naar|aan)\b", r"doorverbinden \1 naar"),
    (r"\bin contact (?:komen|treden)\b", "spreken"),
    (r"\bcontact (?:krijgen|hebben|opnemen)\b", "spreken"),
    (r"\bhou(?:dt|d)? (?:toch |eens )?op\b", "stop"),
    (r"\bop(?:houden|hoepelen)\b", "stop"),
    (r"\b(?:geen|niet) zin\b", "hekel"),
    (r"\bniets? (?:te maken hebben|van weten) \b", "hekel "),
    (r"\b(?:is|zijn|zit|zitten|bestaat|bestaan|werkt|werken|loopt) (?:er|daar|hier|het daar)\b", "EXIST"),
    (r"(?<!ik )\bis iemand\b", "EXIST iemand"),
    (r"\b(?:heb|hebt|heeft|hebben) (?:je|u|ge|gij|jullie)\b", "EXIST"),
    (r"\bpersonen? per\b", "per"),
    (r"\bper (?:persoon|mens)\b", "perpersoon"),
    (r"\btoe(?:komen|gaan) naar\b", "naar"),
)
"""Expressions of several words, rewritten before the words are looked up, in this order."""

SUFFIXES: tuple[tuple[str, str], ...] = (
    ("medewerker", "ROLE"),
    ("medewerkster", "ROLE"),
    ("adviseur", "ROLE"),
    ("adviseuse", "ROLE"),
    ("consulent", "ROLE"),
    ("bediende", "ROLE"),
    ("verantwoordelijke", "ROLE"),
    ("leider", "ROLE"),
    ("behandelaar", "ROLE"),
    ("deskundige", "ROLE"),
    ("specialist", "ROLE"),
    ("manager", "ROLE"),
    ("afdeling", "PLACE"),
    ("dienst", "PLACE"),
    ("assistente", "ROLE"),
    ("balie", "DEPT"),
    ("desk", "DEPT"),
    ("loket", "PLACE"),
    ("monteur", "PLACE"),
    ("makelaar", "PLACE"),
    ("computer", "MACH"),
)
