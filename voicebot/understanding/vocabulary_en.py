"""English words of the request grammar: word class -> words, as the recogniser writes them.

Classes are explained in `tagging.py`. Words are lower case, contractions already written out.
"""

# ruff: noqa: E501 - patterns and word lists are read as a whole

from __future__ import annotations

WORDS: dict[str, str] = {
    "I": "i we",
    "ME": "me us myself",
    "YOU": "you ya",
    "YOUR": "your yer",
    "MY": "my our his her their its",
    "DET": "a an the any some",
    "NO": "no without",
    "NOT": "not never",
    "REAL": (
        "else real live living actual proper normal physical genuine proper knowledgeable experienced capable trained flesh-and-blood another other different senior nice friendly "
        "competent qualified dutch-speaking english-speaking living-breathing fellow"
    ),
    "HUMAN": "human humans person persons people human-being",
    "SOME": "someone somebody anyone anybody",
    "ROLE": (
        "agent agents representative representatives rep reps advisor adviser advisors advisers supervisor "
        "supervisors manager managers operator operators employee employees colleague colleagues boss superior "
        "receptionist clerk attendant assistant associate staff staffer superior-officer higherup teamlead specialist consultant teamleader csr "
        "telephonist expert worker superiors teller secretary caseworker handler adjuster underwriter individual-person salesperson salesman saleswoman officer official crew consultants"
    ),
    "DEPT": (
        "reception helpdesk frontdesk servicedesk customerservice customersupport customercare callcenter "
        "callcentre switchboard concierge"
    ),
    "PLACE": (
        "workshop department pharmacist technician mechanic nurse doctor lawyer owner director engineer warehouse gp "
        "solicitor broker lady gentleman guy desk bosses management"
    ),
    "UNIT": (
        "sales billing support service technical tech claims accounts care complaints "
        "insurance mortgage finance repairs refunds returns cancellations reservations retention team accounting"
    ),
    "SITE": "store shop bank office branch headquarters",
    "MOD": "customer client account call shift floor loan duty relations booking desk-side loans",
    "MACH": (
        "robot robots bot bots chatbot chatbots voicebot machine machines computer computers ai automaton recording "
        "automated automation ivr siri alexa chatgpt voicemail programmed algorithm tape menu system voice-assistant robotic software program"
    ),
    "WANT": "want wants wanted need needs require demand prefer wish like take choose insist request requesting pick hope hoping try trying love",
    "MUST": "must should gotta have-to",
    "CAN": "can could may might will would shall",
    "GIVE": "give get let call put have-a",
    "SPEAK": "speak talk chat talking speaking speaks talks speek tok reach conversation converse chatting",
    "SPOKE": "spoke spoken talked chatted",
    "LINK": (
        "transfer connect forward redirect escalate reroute route transferring connecting forwarding escalating"
    ),
    "LINKED": "transferred connected forwarded redirected escalated rerouted",
    "HAVE": "have has had got",
    "HELP": (
        "explain handle help helps assist assistance helping understand understanding understands listen listens look looks "
        "looking handle take-over fix solve sort deal cares decide advise review intervene experience knowledge authority expertise"
    ),
    "KNOW": "know knows",
    "BE": "am are is be being been",
    "GO": "going",
    "TURN": "become becoming",
    "NEEDED": "needed required necessary",
    "GRAAG": "rather prefer instead preferably only",
    "PREP": "to with from for of by than",
    "ABOUT": "about regarding concerning",
    "DISCUSS": "discuss complain complaining",
    "WAIT": "wait waiting hold hang",
    "QUESTION": "question questions",
    "GOOD": "great happier comfortable good better lovely fine ideal best helpful appreciated perfect",
    "NOBODY": "nobody noone",
    "DEM": "that this these those it",
    "HOW": "how",
    "WHO": "who whom",
    "WHY": "why",
    "IF": "if or unless whether",
    "WH": "when where what which whose",
    "ASKED": "asked said asking requested told mean meant",
    "DONE": (
        "done finished through-with sick tired fed enough hate stop quit off away dislike refuse despise detest annoyed cannot-stand "
        "ditch leave loathe skip bypass end cancel bye lose"
    ),
    "PASTTIME": "yesterday last earlier ago previously already before",
    "AVAILABLE": "available free around awake online present",
    "TEAM": "company side organisation organization firm",
    "MORE": "more",
    "CONTACT": "contact touch answer response reply",
    "POSSIBLE": "possible chance way option",
    "DO": "do does did",
    "LOC": "in at on inside",
    "THAN": "than",
    "FILL": (
        "uh um uhm erm er hmm just now please pls ok okay yes yeah yep well so hello hi hey sorry pardon damn god "
        "dammit fucking fuck shit bloody goddamn fricking freaking hell-no right away asap quickly immediately "
        "urgently really maybe perhaps finally again here there actually simply then too also today possibly "
        "kindly thanks alright directly straight quick still ever even though man dude oh ah look-here "
        "nope literally honestly seriously currently first ahead darn lord jesus christ guys"
    ),
    "SOFT": "line speaker charge through would mind",
}

JOINS: tuple[tuple[str, str], ...] = (
    (r"\bcan ?not\b|\bcant\b|\bcan't\b", "can not"),
    (r"\bwo n?'?t\b|\bwon't\b|\bwont\b", "will not"),
    (r"\b(do|does|did|could|would|should|is|are|was|were|has|have|had)n'?t\b", r"\1 not"),
    (r"\bi'?m\b", "i am"),
    (r"\b(i|you|we|they|he|she)'(?:d)\b|\bi d\b", r"\1 would"),
    (r"\bid (?=like|rather|prefer|love|want)", "i would "),
    (r"\bi'?ve\b", "i have"),
    (r"\bi'll\b", "i will"),
    (r"\byou'?re\b", "you are"),
    (r"\b(who|what|there|that|it)'s\b", r"\1 is"),
    (r"\bwanna\b", "want to"),
    (r"\bi went to (?=talk|speak)", "i want to "),  # as Whisper base writes it over the phone
    (r"\bgotta\b", "must"),
    (r"\bgonna\b", "going to"),
    (r"\bgimme\b", "give me"),
    (r"\blemme\b", "let me"),
    (r"\b(?:have|has|need|needs|got|ought) to (?=speak|talk|chat|reach|discuss|get)", "must "),
    (r"\bgot to\b", "must"),
    (r"\bno one\b", "nobody"),
    (r"\b(?:this|that|the|your) thing\b", "this machine"),
    (
        r"\b(?:virtual|digital|automated|artificial) (?:agent|assistant|voice|menu|system|attendant|intelligence|line)\b",
        "machine",
    ),
    (r"\bphone (?:menu|tree)\b|\bvoice ?mail\b|\bvoice (?:bot|assistant|menu)\b", "machine"),
    (r"\b(?:put|get) (me|us) in (?:touch|contact) with\b", r"transfer \1 to"),
    (r"\bnot interested in\b", "refuse"),
    (r"\b(?:am )?call(?:ing|ed) (?:in )?to (?=speak|talk|reach)", "want to "),
    (r"\ba real one$", "a real human"),
    (r"\bnon robots?\b", "human"),
    (r"\b(?:want|get)(?: me)? (?:out|off|away)(?: of| from)?\b", "stop"),
    (r"\b(?:some )?(?:kind|sort) of\b", ""),
    (r"\b(?:get|getting|grab|got) (?:a )?hold of\b|\bget through to\b|\bget in touch with\b", "reach"),
    (r"\bask(?:ing)? (?:to )?(?:for|speak|talk)\b", "asked for"),
    (
        r"\blooking (?:for|to (?=speak|talk|reach))|\bi am after\b|\b(?:have the right|am entitled|deserve) to\b",
        "want ",
    ),
    (r"\b(they|he|she|you guys|somebody|someone) (?:just )?put me (?:through|on)\b", r"\1 connected"),
    (r"\b(?:hook|link|set) me up with\b", "transfer me to"),
    (r"\b(?:bring|loop|get|patch|call|rope) in (?=an?\b|your\b|the\b|some)", "give "),
    (r"\b(?:drives?|driving|makes?|making) me (?:crazy|nuts|mad|insane|angry)\b", "annoyed"),
    (r"\bone of (?:your|the|those) ", "a "),
    (r"\bin person\b", "inperson"),
    (r"\bhigher ups?\b", "higherup"),
    (r"\bteam lead(?:er)?\b", "teamlead"),
    (r"\bsupport team\b", "customerservice"),
    (r"\bon duty\b|\bfor crying out loud\b|\bfor (?:heavens?|christs?|fucks?|petes?) sake\b", ""),
    (
        r"\b(?:have |get )?a (?:quick |little )?(?:word|chat|talk|conversation) with\b|\bdeal(?:ing)? with\b",
        "speak with",
    ),
    (r"\b(was|were|got|been|being|be|get) (?:put|patched|passed) (?:through|on)\b", r"\1 connected"),
    (r"\b(?:find|bring|fetch|send) me\b", "give me"),
    (r"\bput (an?|your|the|some) (\w+) on\b(?: the (?:line|phone))?", r"give \1 \2"),
    (r"\b(?:real|actual|live) (?:man|woman|guy|lady|body)\b|\bliving soul\b", "real human"),
    (r"\btoo (?:complicated|complex|difficult|hard|important|personal) for\b", "refuse"),
    (r"\bhuman beings?\b|\bhuman person\b", "human"),
    (r"\b(?:i am|you are|we are) only human\b", "only mortal"),
    (r"\bhuman (?=resources?|rights?|errors?|race|body|nature|interest|trafficking|hair)", "hr"),
    (
        r"\bhuman (help|assistance|support|contact|touch|intervention|interaction|service|attention)\b",
        "human",
    ),
    (r"\bhuman (?=agent|operator|representative|rep|employee|advis|colleague|voice)", "real "),
    (r"\bflesh and (?:blood|bone)\b", "real human"),
    (r"\bthank you\b", "thanks"),
    (r"\bin the flesh\b", "real"),
    (r"\bfor the love of god\b|\bfor god'?s? sake\b|\boh my god\b", "please"),
    (r"\bexcuse me\b|\bplease and thank you\b", "please"),
    (r"\b(?:two|three|four|five|six|several|many) times?\b|\bfor the \w+ time\b", ""),
    (r"\bone of your (?:people|staff|team|guys|colleagues|agents|employees)\b", "an agent"),
    (r"\b(?:a )?members? of (?:your |the )?(?:staff|team)\b|\b(?:staff|team) members?\b", "an agent"),
    (r"\bfront desk\b|\breception desk\b|\bservice desk\b", "frontdesk"),
    (r"\bhelp desk\b", "helpdesk"),
    (r"\bcall cent(?:er|re)\b", "callcenter"),
    (r"\b(?:customer|client)s? (?:service|services|support|care|relations|success)\b", "customerservice"),
    (r"\bin charge\b|\bwith authority\b", "real"),
    (r"\bwhoever is real\b|\bwhoever\b", "someone"),
    (
        r"\b(?:put|patch|pass|send|hand|switch|move|bring|get|take|push|link|hook|bump|plug)"
        r"((?: (?:me|us|my call|this call|the call)) ?(?:straight |right |just |back )?)"
        r"(?:through|over|across|on to|on with|along to)(?: to| with)?\b",
        r"transfer\1 to",
    ),
    (r"\b(?:put|patch|hand)(?:ing)? through\b|\bhand(?:ing)? (?:me |this )?over\b", "transfer me"),
    (
        r"\b(?:switch|pass|send|take|direct|refer|get|bring|move|return) (me|us|my call|this call) to\b",
        r"transfer \1 to",
    ),
    (r"\b(?:my|this|the) call\b", "me"),
    (r"\bpass (?:it|this) (?:on |over )?to\b", "transfer me to"),
    (r"\bescalate (?:it|this|that)\b", "transfer me"),
    (r"\bon the (?:line|phone|other end|call)\b", "ONLINE"),
    (r"\b(?:fed|had it) up with\b|\bup to here with\b", "fed with"),
    (r"\bget (?:away|out|off|rid)\b|\bturn off\b|\bshut up\b|\bpiss off\b", "stop"),
    (r"\bget me (?:away|out|off)\b", "stop"),
    (r"\banything but\b|\brather than\b|\binstead of\b|\bnot have\b(?= to (?:talk|speak))", "refuse"),
    (r"\b(?:can|could) not (?:stand|bear)\b", "hate"),
    (
        r"\b(?:is|are) there\b|\bdo you(?: guys)? have\b|\bhave you got\b|\byou got\b|\bis (?=anyone|anybody|someone|somebody)",
        "EXIST ",
    ),
    (r"\bavailable agents?\b", "agent available"),
    (r"\btake over\b|\bstep in\b", "help"),
    (r"\bsupport (?:ticket|page|case|request|number|email|hours|site|forum|center|article)s?\b", "ticket"),
)
"""Expressions of several words, rewritten before the words are looked up, in this order."""

SUFFIXES: tuple[tuple[str, str], ...] = ()
