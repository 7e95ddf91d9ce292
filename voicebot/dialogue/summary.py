"""The one-line briefing that an agent hears before a call: no numbers, names or words of the caller."""

from __future__ import annotations

from collections.abc import Sequence

from voicebot.events import Language

LINES: dict[Language, dict[str, str]] = {
    "nl": {
        "caller_nl": "De beller spreekt Nederlands.",
        "caller_en": "De beller spreekt Engels.",
        "topic": "Onderwerp: {topic}.",
        "tried": "Al gedaan: {tried}.",
        "human_request": "De beller vroeg om een medewerker.",
        "repair": "De assistent kwam er met de beller niet uit.",
        "task": "De assistent kon dit niet afronden.",
        "worker_failure": "De spraakherkenning werkt nu niet.",
    },
    "en": {
        "caller_nl": "The caller speaks Dutch.",
        "caller_en": "The caller speaks English.",
        "topic": "About: {topic}.",
        "tried": "Done so far: {tried}.",
        "human_request": "The caller asked for a person.",
        "repair": "The assistant and the caller did not understand each other.",
        "task": "The assistant could not finish this.",
        "worker_failure": "Speech recognition does not work at the moment.",
    },
}
TOPICS: dict[Language, dict[str, str]] = {
    "nl": {
        "opening_hours": "openingstijden",
        "order_status": "status van een bestelling",
        "password_reset": "wachtwoord herstellen",
        "appointment_change": "afspraak verzetten",
        "complaint": "een klacht",
        "question": "een algemene vraag",
    },
    "en": {
        "opening_hours": "opening hours",
        "order_status": "status of an order",
        "password_reset": "resetting a password",
        "appointment_change": "changing an appointment",
        "complaint": "a complaint",
        "question": "a general question",
    },
}
STEPS: dict[Language, dict[str, str]] = {
    "nl": {
        "done": "afgehandeld",
        "not_found": "niets gevonden",
        "refused": "geweigerd",
        "unavailable": "systeem niet bereikbaar",
    },
    "en": {
        "done": "completed",
        "not_found": "nothing found",
        "refused": "refused",
        "unavailable": "system down",
    },
}


def briefing(
    agent_language: Language, caller_language: Language, topic: str, tried: Sequence[str], reason: str
) -> str:
    """Return one line. `topic`: task or intent, '' for none. `tried`: 'topic:status', oldest first."""
    lines, topics, steps = LINES[agent_language], TOPICS[agent_language], STEPS[agent_language]
    parts = [lines[f"caller_{caller_language}"]]
    if topic:
        parts.append(lines["topic"].format(topic=topics.get(topic, topics["question"])))
    done: list[str] = []
    for entry in tried:
        name, _, status = entry.partition(":")
        text = f"{topics.get(name, topics['question'])}, {steps.get(status, steps['done'])}"
        if text not in done:
            done.append(text)
    if done:
        parts.append(lines["tried"].format(tried="; ".join(done[-2:])))
    parts.append(lines.get(reason, lines["task"]))
    return " ".join(parts)
