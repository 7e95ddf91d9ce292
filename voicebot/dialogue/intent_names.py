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
SWITCH_LANGUAGE = "switch_language"
COMPLAINT = "complaint"
NEW_APPOINTMENT = "appointment_new"
FOR_PEOPLE = frozenset({COMPLAINT, NEW_APPOINTMENT})
"""Answered from approved text, and then a person is offered: the bot cannot do these itself."""
