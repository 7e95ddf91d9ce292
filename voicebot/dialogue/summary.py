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
        "rule": "Voor deze vraag is een medewerker nodig.",
        "handed_on": "Een collega geeft dit gesprek door.",
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
        "rule": "This question needs a person.",
        "handed_on": "A colleague hands this call on.",
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


def reason_words(agent_language: Language, reason: str) -> str:
    """Say why a person is needed."""
    lines = LINES[agent_language]
    return lines.get(reason, lines["task"])


def topic_words(agent_language: Language, topic: str) -> str:
    """Name a task or intent, '' for none."""
    topics = TOPICS[agent_language]
    return topics.get(topic, topics["question"]) if topic else ""


def tried_words(agent_language: Language, tried: Sequence[str]) -> tuple[str, ...]:
    """Say what was done, each thing once. `tried`: 'topic:status', oldest first."""
    topics, steps = TOPICS[agent_language], STEPS[agent_language]
    done: list[str] = []
    for entry in tried:
        name, _, status = entry.partition(":")
        text = f"{topics.get(name, topics['question'])}, {steps.get(status, steps['done'])}"
        if text not in done:
            done.append(text)
    return tuple(done)


def briefing(
    agent_language: Language, caller_language: Language, topic: str, tried: Sequence[str], reason: str
) -> str:
    """Return one line. `topic`: task or intent, '' for none. `tried`: 'topic:status', oldest first."""
    lines = LINES[agent_language]
    parts = [lines[f"caller_{caller_language}"]]
    if topic:
        parts.append(lines["topic"].format(topic=topic_words(agent_language, topic)))
    done = tried_words(agent_language, tried)
    if done:
        parts.append(lines["tried"].format(tried="; ".join(done[-2:])))
    parts.append(reason_words(agent_language, reason))
    return " ".join(parts)
