"""The intents of config/intents that the dialogue acts on itself; all others are questions."""

from __future__ import annotations

REPEAT = "repeat"
SLOWER = "slower"
LOUDER = "louder"
WAIT = "wait"
HELP = "help"
CANCEL = "cancel"
THANKS = "thanks"
GOODBYE = "goodbye"
GREETING = "greeting"
OPENING_HOURS = "opening_hours"
CALLBACK = "callback_request"
HUMAN = "human"
ROBOT = "robot"
ANSWER_PREFIX = "faq_"
