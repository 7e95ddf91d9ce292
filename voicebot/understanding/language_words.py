"""Which of the two languages a text is in, by its small words. For text that comes without a recogniser."""

from __future__ import annotations

import re

from voicebot.events import Language
from voicebot.understanding.tagging import fold

_NL = frozenset(
    """
    ik je jij u ge gij wij jullie mijn mij me een het de den ne nen dat dit die en maar of niet geen nie
    wel nog ook van voor met naar op bij aan uit om te er hier daar wat wie waar wanneer hoe hoeveel
    waarom welke heb hebt heeft hebben ben bent zijn zijt kan kunt kun mag moet wil wilt graag
    alsjeblieft alstublieft aub ja nee neen hallo dag bedankt dank medewerker mens iemand bestelling
    afspraak wachtwoord winkel fiets morgen vandaag maandag dinsdag woensdag donderdag vrijdag zaterdag
    zondag oké goed laat doe geef spreken praten klappen uw haar hun ons onze als dan toch gewoon even
    eens velo klopt
    """.split()  # noqa: SIM905 - a word list
)
_EN = frozenset(
    """
    i you he she we they my your his her our their a an the this that these and but or not no yes please
    is are was were be do does did have has had can could will would should may of for with to from on
    at in what who where when how why which want need get give let me it there here thanks thank hello
    hi bye order appointment password shop bike tomorrow today monday tuesday wednesday thursday friday
    saturday sunday someone somebody agent human person talk speak open i'm don't can't it's i'd i've
    okay repeat slower louder help cancel stop
    """.split()  # noqa: SIM905 - a word list
)
_SHARED = frozenset(
    """
    is was we me in of had stop help open agent hi bot robot
    """.split()  # noqa: SIM905 - a word list
)


def guess_language(text: str, default: Language = "nl") -> Language:
    """Return the language with more known words; `default` on a tie."""
    words = re.findall(r"[\w']+", fold(text))
    dutch = sum(word in _NL and word not in _SHARED for word in words)
    english = sum(word in _EN and word not in _SHARED for word in words)
    if dutch == english:
        # Endings and letter pairs that the other language hardly has.
        dutch += len(re.findall(r"ij|aa|uu|sch|oe\b|en\b", " ".join(words)))
        english += len(re.findall(r"th|ing\b|sh|wh|tion\b|ck|y\b", " ".join(words)))
    if dutch == english:
        return default
    return "nl" if dutch > english else "en"
