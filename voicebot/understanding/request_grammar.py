"""The frames of the request grammar: regular expressions over a clause's tags (see `tagging.py`)."""

# ruff: noqa: E501 - patterns and word lists are read as a whole

from __future__ import annotations

import re

_PERSON = r"(?:ROLE|HUMAN|SOME|DEPT)"
# One unknown word may stand before the noun when it looks like a Dutch adjective: 'een capabele medewerker'.
_ADJECTIVE = r"(?:(?<=DET )(?!estate|insurance|mobile|crane|vehicle|machine|mortgage|corporate|single|whole|same|private|eenp)[a-z]{3,}e )?"
_BEFORE = rf"(?:(?:DET|DEM|YOUR|YOU|REAL|MOD|UNIT|SITE) )*{_ADJECTIVE}(?:REAL )?"
_AFTER = r"(?: (?:REAL|ROLE|HUMAN|DEPT|SOME))*"
_NP = rf"{_BEFORE}{_PERSON}{_AFTER}"
# With a verb of speaking or connecting one can ask for anyone: 'de werkplaats', 'my adviser', 'the duty nurse'.
_ANYONE = (
    rf"(?:(?:DET|DEM|YOUR|YOU|MY|REAL|MOD|UNIT|SITE) )*(?:(?<=DET )[a-z]+ )?"
    rf"(?:(?:{_PERSON}|PLACE|SITE|UNIT|TEAM)(?: (?:REAL|ROLE|HUMAN|DEPT|PLACE|UNIT|SOME))*|REAL(?= SPEAK))"
)
_GAP = (
    r"(?:(?:I|ME|YOU|YOUR|DET|DEM|REAL|MOD|UNIT|GRAAG|PREP|LOC|SPEAK|HAVE|LINK|ONLINE|CAN|WANT|MUST|SOFT|HELP|BE|DO"
    r"|IF|CONTACT|POSSIBLE|DISCUSS|CALL) |GIVE (?!MY))*?"
)
# What may follow: after a weak word ('iemand', 'a person') only what shows that one wants to talk to it.
_WEAK_TAIL = (
    r"(?= (?:SPEAK|HELP|HAVE|ONLINE|GRAAG|LINK|DEM|WHO|AVAILABLE|I|WANT|CAN|MUST|SOFT$|PREP$|LOC$|IF|ABOUT|DISCUSS|CALL"
    rf"|MORE|THAN)| (?:(?:PREP|LOC|SOFT|DET|YOUR|YOU|ME|MY|REAL) )*(?:HELP|SPEAK|{_PERSON}|PLACE|SITE|UNIT|TEAM|DEM$"
    r"|REAL$)|$)"
)
_STRONG_TAIL = (
    r"(?= (?:SPEAK|HELP|HAVE|ONLINE|GRAAG|LINK|LINKED|DEM|WHO|AVAILABLE|I|WANT|CAN|MUST|SOFT|PREP|LOC|IF|BE|TEAM|ME|CALL|NEEDED"
    r"|GIVE|ABOUT|DISCUSS|MORE|THAN)|$)"
)
_WANTED = (
    rf"(?:{_BEFORE}(?:ROLE|DEPT){_AFTER}{_STRONG_TAIL}"
    rf"|{_BEFORE}(?:SOME|HUMAN)(?: (?:REAL|ROLE|SOME|HUMAN))*{_WEAK_TAIL})"
)
_FRAME_WORD = r"(?:WANT|MUST|CAN|GRAAG|GIVE)"
_TALK = r"(?:SPEAK|DISCUSS)"

REQUEST_FRAMES: dict[str, str] = {
    # 'een echte medewerker graag', 'iemand van de klantendienst', 'agent', 'not a robot, a human'
    "elliptical": (
        rf"^(?:(?:PREP|PREP ME|SPEAK PREP|THAN|GRAAG|DET|SOFT|(?:NO|NOT) (?:(?:DET|REAL|PREP) )*MACH) )*{_NP}"
        rf"(?: (?:GRAAG|NEEDED|SPEAK|HAVE|ONLINE|AVAILABLE|SOFT|ME|THAN|CAN BE (?:REAL|GOOD)|LINK(?! (?:MY|DET))"
        rf"|DEM BE (?:HUMAN|REAL)"
        rf"|(?:PREP|LOC|THAN) (?:(?:DET|YOUR|YOU|REAL) )*(?:{_PERSON}|PLACE|SITE|UNIT|TEAM|MACH)|PREP (?:MORE |DET )?(?:REAL )?HELP))*(?: PREP ME)?$"
    ),
    # 'iemand die mij begrijpt', 'someone I can talk to'
    "relative": (
        rf"^(?:(?:PREP|GRAAG|DET) )*{_NP} (?:PREP (?:DET )?(?:DEPT|PLACE|TEAM|UNIT) )?"
        r"(?:(?:DEM|WHO|PREP WHO) (?:(?!SPOKE|NOT|HAVE)\S+ )*?(?:HELP|SPEAK|KNOW)|I CAN SPEAK|(?:CAN )?(?:ME )?HELP(?: ME)?$)"
        r"|^(?:DET )?SOME(?: REAL)? (?:(?:DEM|WHO)(?: (?!HAVE|SPOKE|ASKED|CALL|LINKED|MY|MUST|WANT)\S+){1,4}|PREP DET [a-z]+|PREP [a-z]+ HELP)$"
    ),
    # 'de dienst bevolking alstublieft', 'billing department please' (only where it is said politely)
    "place_please": r"^(?:PREP )?(?:(?:DET|UNIT|REAL) )*(?:PLACE|UNIT)(?: [a-z]+| PLACE| UNIT)?(?: PREP [a-z]+)?(?: GRAAG)?$",
    # 'een medewerker van de gemeente graag'
    "person_please": rf"^{_NP} PREP (?:DET )?[a-z]+(?: GRAAG)?$|^(?:LINKED TURN|TURN LINKED|LINKED)(?: GRAAG)?$",
    # 'ik wil een medewerker', 'I need to speak with staff'
    "want": rf"(?:^|.* )(?:WANT|MUST|GRAAG|WANT I) {_GAP}{_WANTED}",
    "want_dutch_order": (
        rf"^(?:I|WANT|MUST|CAN) .*{_NP} (?:(?:PREP|GRAAG|DET|MY|YOUR|SOFT|ABOUT|[a-z]+) )*?(?:SPEAK|GRAAG)$"
        rf"|I (?:PREP )?{_NP} (?:SPEAK )?(?:WANT|CAN SPEAK|WANT SPEAK)$"
    ),
    "want_place": (
        rf"(?:WANT|MUST) (?:I )?{_ANYONE}(?: [a-z]+)? HAVE$|^CAN I (?:HAVE )?{_ANYONE}$"
        r"|^(?:CAN I (?:HAVE )?|GIVE ME )(?:DET )?(?:REAL )*PLACE(?: (?:[a-z]+|PLACE))?$|^GIVE ME (?:UNIT |MOD )*UNIT$|^I WANT (?:GRAAG )?DET SPEAK$"
    ),
    "can_i": rf"(?:^|.* )CAN (?:I|YOU ME|ME) (?:NOT )?{_GAP}{_WANTED}",
    "handled_by": rf"(?:CAN|WANT|MUST|GRAAG) (?:(?:I|DEM|DET|GRAAG|YOU) )*PREP {_NP}(?: HELP)?$",
    # 'can I talk to the workshop', 'ik wil met mijn adviseur spreken'
    "speak_with": rf"(?:^|.* ){_FRAME_WORD} (?:.* )?{_TALK} (?:.* ABOUT .* )?(?:(?:DEM|DET) )?(?:PREP )+{_ANYONE}",
    "speak_with_dutch": rf"(?:^|.* ){_FRAME_WORD} (?:.* )?(?:PREP {_ANYONE} (?:.* )?{_TALK}|{_ANYONE} (?:.* )?SPEAK)(?: |$)",
    "speak_noun": (
        rf"(?:^|.* ){_FRAME_WORD} (?:.* )?SPEAK PREP (?:DET|MY) (?:[a-z]+ )?[a-z]+$"
        rf"|^(?:CAN I|I WANT|WANT I|I MUST|I CAN) (?:GRAAG )?(?:PREP )?(?:DET|MY|YOUR) (?!nederlands|engels|frans)[a-z]+ SPEAK$"
        rf"|^(?:CAN I|I WANT|WANT I|I MUST|I CAN) (?:GRAAG )?PREP [a-z]+ SPEAK$"
    ),
    "speak_before": rf"^(?:I )?{_TALK} (?:\w+ )?(?:DEM )?(?:DET )?GRAAG (?:PREP )+{_ANYONE}",
    "speak_him": r"(?:^|.* )(?:WANT|CAN I|MUST) (?:.* )?(?:hem|haar|him|her|them|MY) SPEAK$",
    "speak_bare": rf"^(?:GRAAG |REAL )?SPEAK (?:PREP )*{_ANYONE}",
    "speak_bare_dutch": rf"^(?:GRAAG )?(?:PREP )?{_ANYONE} (?:PREP .* )?SPEAK$",
    "call_with": rf"(?:WANT|CAN|MUST|GRAAG) (?:\S+ )*?PREP {_NP} CALL$",
    # 'kunt u mij doorverbinden', 'transfer me please', 'doorverbinden graag'
    "link_me": r"(?:^|.* )LINK (?:YOU )?ME(?! (?:MY|DET \w+|NUM))",
    "link_me_dutch": (
        r"(?:^|.* )(?:ME|I|YOU) (?:(?:ME|YOU|GRAAG|PREP|SOFT|NOT|CAN|POSSIBLE) )*LINK(?:$| PREP| GRAAG)"
        rf"|ME (?:PREP|LOC) {_ANYONE}(?: [a-z]+)? (?:CAN )?LINK$"
    ),
    "link_bare": rf"^(?:GRAAG |DEM )?LINK(?! MY)(?: GRAAG)?(?: door)?(?: (?:PREP )*{_ANYONE})?(?: GRAAG)?$",
    "link_to": rf"(?:^|.* )LINK (?:PREP )+{_ANYONE}|^PREP {_ANYONE} LINK$",
    "link_passive": r"(?:^|.* )(?:WANT|CAN|MUST|GRAAG) (?:.* )?LINKED(?: |$)",
    # 'geef me je collega', 'laat iemand mij helpen', 'put a person on the line'
    "give": (
        rf"^(?:YOU |CAN YOU |CAN |NOT |SOFT )*(?:GIVE|QUESTION) (?:ME |YOU |DET ME )*(?:\w+ )?(?:PREP )?{_WANTED}"
    ),
    "have_someone": rf"^(?:CAN YOU )?HAVE {_NP} (?:ME )?(?:HELP|SPEAK)",
    "let_me": rf"(?:^|.* )GIVE ME (?:\w+ )*?SPEAK (?:PREP )+{_ANYONE}|(?:^|.* )GIVE ME (?:PREP )?{_ANYONE} SPEAK",
    "fetch": rf"CAN YOU (?:ME )?{_NP} (?:(?:PREP ME|LOC|PREP) )*GIVE$",
    "on_the_line": rf"(?:^|.* ){_FRAME_WORD} (?:.* )?{_ANYONE} ONLINE(?: |$)",
    "get_human": r"GIVE (?:(?:DET|REAL) )*HUMAN$",
    # 'kan een collega mij helpen', 'someone needs to help me'
    "can_someone": rf"(?:^|.* )(?:CAN|WANT) (?:ME |NOT |PREP )*{_NP} (?:\S+ )*?(?:HELP|SPEAK)(?: |$)",
    "someone_must": rf"^{_NP} (?:MUST|CAN|WANT) (?:\S+ )*?HELP(?: |$)",
    # 'is er iemand beschikbaar', 'do you have someone I can talk to'
    "exists": (
        rf"(?<!WHO )(?<!WH )EXIST (?:(?:NO|NOT|ME|DET) )*{_NP}(?:$| (?:AVAILABLE|ONLINE|(?:DEM|WHO) (?:(?!HAVE$)\S+ ?)*$|I|HELP|SOFT|CAN|MORE"
        r"|(?:PREP|LOC) (?:WHO|I|ME|SPEAK|HELP)"
        r"|PREP (?:(?:DET|YOUR|YOU) )*(?:DEPT|PLACE|TEAM|UNIT)(?:$| (?:AVAILABLE|DEM|WHO|I|HELP|CAN))))"
    ),
    "nobody_who": r"EXIST (?:\S+ )?NOBODY (?:DEM|WHO|I|PREP|AVAILABLE)",
    "is_available": rf"^BE (?:DET|YOUR|YOU) (?:REAL )*ROLE(?: AVAILABLE| ONLINE)?$|^BE (?:DET )?(?:REAL )*(?:ROLE|HUMAN) AVAILABLE PREP SPEAK|^CAN (?:DET |DEM )?{_NP} BE(?: AVAILABLE| GOOD)?$|(?:EXIST|BE) .* I CAN SPEAK(?: PREP)?$|CAN (?:BE |feel )?GOOD (?:SPEAK )?PREP {_NP}$",
    "chance": rf"^(?:DET )?POSSIBLE (?:PREP |IF )?{_NP}|POSSIBLE (?:\S+ )*?(?:SPEAK (?:PREP )*{_ANYONE}|{_ANYONE} (?:PREP )*SPEAK"
    r"|LINK|LINKED)",
    # 'hoe krijg ik een mens aan de lijn', 'met wie kan ik spreken'
    "how": (
        rf"HOW (?:(?:DO|CAN|SPEAK|HAVE|GIVE|SOFT|GRAAG|ME|BE|LINK) )*I (?:(?:CAN|SPEAK|HAVE|GIVE|SOFT|PREP|LOC|CONTACT"
        rf"|LINKED|ME) )*{_NP}(?: (?:PREP|SPEAK|ONLINE|HAVE|SOFT|GIVE))*$|^WH HAVE I {_NP}|^WH (?:DO|MUST) I [a-z]+ (?:PREP )+{_NP}$|^WH CAN I (?:PREP )?{_NP} SPEAK|^WH CAN I SPEAK (?:PREP )+{_NP}|^(?:HOW|WH) ABOUT {_NP}$|^HAVE I {_NP} SPEAK|^WH CAN I (?:GIVE|HAVE|SPEAK) (?:PREP )?"
        r"(?:(?:DET|REAL) )*(?:HUMAN|ROLE|SOME)$"
    ),
    "who": r"WHO (?:CAN|MUST|DO) I (?:.* )?SPEAK|WHO CAN (?:ME )?(?:\S+ )*?HELP(?: ME)?$",
    # 'waarom krijg ik geen mens', 'als ik geen mens krijg'
    "why_not": rf"(?:WHY|IF|ALS) (?:\S+ )*?(?:(?:NO|NOT) (?:\S+ )*?(?:{_PERSON}|LINK|SPEAK)|LINK ME NOT|LINK NOT)",
    # 'ik vroeg om een medewerker', 'I said agent', 'ik wacht op een collega'
    "asked": rf"I (?:\S+ )?ASKED (?:PREP |DEM |I |SPEAK )*{_NP}$|I HAVE (?:\S+ )*?PREP {_NP} ASKED|^I HAVE ASKED (?:PREP )?{_NP}$|^{_NP} (?:ASKED I|I ASKED)$|^I (?:\S+ )*ASKED PREP {_NP}$",
    "needed": rf"(?:HAVE (?:I )?|HELP )(?:PREP )?{_NP} NEEDED(?! HAVE)|NEEDED PREP {_NP}",
    "waiting": rf"(?:I|ME) (?:\S+ )*?(?:WAIT|QUESTION) (?:\S+ )*?(?:PREP|LOC) {_NP}$",
    "what_i_want": rf"WH I (?:WANT|MUST HAVE) BE {_NP}",
    # 'ik wil contact met een mens', 'persoonlijk contact'
    "contact": (
        rf"(?:WANT|GRAAG|CAN I|MUST|^)(?: \S+)*? ?CONTACT (?:PREP )?{_NP}|(?:^|WANT )(?:\S+ )*?(?:REAL|HUMAN) CONTACT$"
    ),
    "human_help": r"^(?:(?:GRAAG|DET) )*(?:REAL|HUMAN) (?:HELP|CONTACT)(?: GRAAG)?$|WANT (?:DET )?(?:REAL|HUMAN) HELP$",
    # 'ik had graag iemand gesproken'
    "had_gladly": (
        rf"HAVE GRAAG (?:PREP )?{_NP} (?:\S+ )*?(?:SPOKE|HAVE|SPEAK)|GRAAG (?:PREP )?{_NP} (?:\S+ )*?SPOKE"
    ),
    # 'ik ben klaar met die robot', 'no more bots', 'ik praat niet met computers'
    "no_machine": (
        r"^(?:(?:GRAAG|WANT|I|PREP|YOU|DO|CAN|BE|NO) )*(?:NO|NOT)(?: (?:PREP|DET|DEM|REAL|MORE|SPEAK|YOUR|WANT|GIVE ME|DO))*"
        r" MACH(?: (?:MORE|GRAAG|HELP|SPEAK|ONLINE|PREP ME|SOFT|THAN))*$"
    ),
    "not_to_machine": r"(?:SPEAK|WANT|CAN|GRAAG|MUST|DISCUSS) (?:\S+ )*?(?:NOT|NO) (?:\S+ )*?MACH",
    "not_machine_speaking": (
        r"NOT (?:\S+ )*?SPEAK (?:PREP )+(?:(?:DET|DEM|YOUR|YOU|REAL) )*MACH|NOT (?:.* )?MACH (?:.* )?(?:SPEAK|DISCUSS)"
        r"|MACH (?:\S+ )?SPEAK I NOT|(?:WHY|MUST|HOW) (?:\S+ )*?(?:SPEAK (?:PREP )+(?:DET |DEM )*MACH|MACH SPEAK)"
        r"|SOME (?:WHO|DEM) BE (?:NOT|NO) (?:DET )?MACH"
    ),
    "done_with_machine": (
        r"(?:DONE|HAVE SPEAK) (?:(?:PREP|LOC|ABOUT|SPEAK|DET|DEM|YOUR|YOU|ME|REAL|all|HAVE|BE|using|MORE|IF) )*MACH(?! [a-z])"
    ),
    "machine_done": r"(?:DET|DEM|PREP|REAL) MACH (?:\S+ )*?DONE(?: |$)",
}

ABOUT_MACHINE = {
    "no_machine", "not_to_machine", "not_machine_speaking", "done_with_machine", "machine_done", "why_not",
    "nobody_who",
}  # fmt: skip
"""Frames to which a negation belongs."""

_ASKED_SORT = (
    r"(?:MACH|HUMAN|ROLE|REAL SOME|SOME)"
    r"(?= (?:REAL|DEM|DET|IF|SPEAK|ONLINE|I|BE|NOT|YOU|PREP|right|ROLE|HUMAN|MACH|&|HAVE|SOFT)|$)"
)
_SORT = r"(?:(?:DET|REAL|NOT|NO|PREP|MOD|WANT|als|ALS|zeker|DEM) )*"
QUESTION_FRAMES: dict[str, str] = {
    # 'ben je een robot', 'are you real', 'u bent toch geen robot'
    "are_you": rf"(?:BE YOU|YOU BE) {_SORT}{_ASKED_SORT}|BE YOU (?:NOT )?(?:PREP )?(?:DET )?REAL$",
    "if_you_are": r"YOU (?:(?:DET|REAL) )*(?:MACH|HUMAN) BE",
    "is_this": rf"(?:(?<!I )BE DEM|^DEM BE) (?:{_SORT}MACH(?! [a-z])|(?:(?:DET|REAL|NOT|NO|PREP) )+HUMAN(?! [a-z])|HUMAN$|{_SORT}REAL (?:voice|stem)$)",
    "do_i_speak": rf"SPEAK I (?:PREP )*{_SORT}{_ASKED_SORT}",
    "am_i_speaking": rf"BE I (?:\S+ )*?SPEAK (?:PREP )*{_SORT}{_ASKED_SORT}",
    "am_i_speaking_dutch": rf"(?:BE|SOFT|sta|HANG) I (?:PREP )*{_SORT}{_ASKED_SORT} (?:\S+ )*SPEAK",
    "do_i_have": rf"HAVE I (?:PREP )*{_SORT}{_ASKED_SORT}(?: \S+)*? ?ONLINE",
    "did_i_reach": rf"DO I (?:HAVE|SPEAK) (?:PREP )*{_SORT}{_ASKED_SORT}",
    "like_a_machine": r"^YOU (?:sound|klinkt|lijkt|praat|SPEAK|look|seem|klinken) (?:\S+ )*?MACH$",
    "who_are_you": r"^(?:WHO|WH) BE (?:YOU|DEM)$|^(?:PREP )?WHO SPEAK I$|WHO BE I SPEAK|WH BE I SPEAK PREP",
}

NEGATED = re.compile(
    rf"(?:^|.* )(?:NO|NOT)(?: (?:PREP|DET|DEM|REAL|YOUR|YOU|ME|MOD|UNIT|WANT|GRAAG|HAVE|SPEAK|LINK|I|SOFT|GIVE|MUST|LOC"
    rf"|BE|IF|TURN|ASKED))* (?:{_PERSON}|LINK|LINKED|PLACE)|LINK (?:ME )?NOT|{_PERSON} (?:BE )?(?:GRAAG )?NOT|(?:NO|NOT) (?:GRAAG|WANT)"
    rf"|GRAAG NOT|{_PERSON} NEEDED NOT|NO (?:\S+ )?NEEDED|NOT NEEDED"
)
"""The request itself is denied: 'ik wil geen medewerker', 'do not transfer me'."""

INVERTED_NEGATION = re.compile(
    r"^(?:(?!I |YOU )\w+ )?(?:CAN|BE|MUST|WANT) (?:NOT (?:I|YOU|ME)|(?:I|YOU|ME)(?: ME)? NOT)\b|EXIST (?:ME )?(?:NO|NOT)|^CAN NOT DET"
)
"""'Kan ik niet iemand spreken', 'is er geen medewerker': questions in which 'not' denies nothing."""

OWN_MACHINE = re.compile(r"MY MACH|BE (?:NOT|NO) (?:DET )?MACH|I HAVE NO MACH|I (?:DO )?NOT HAVE|DO NOT HAVE")
"""'Ik heb geen computer', 'I am not a robot': said of the caller, not of the bot."""
