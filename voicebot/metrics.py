"""Prometheus metrics of the media process, fed by the calls' events. Every cap and refusal has a counter."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from voicebot.events import (
    BargeIn,
    CallbackOffered,
    CallbackRequested,
    CallEnded,
    CallEvent,
    DisclosurePlayed,
    HumanRequested,
    NoInput,
    NoMatch,
    Overflowed,
    RuleApplied,
    RulesFailed,
    SpeechWorkerFailed,
    TransferDenied,
    TransferProgressed,
    TurnTaken,
)

_LATENCY_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 4.0)


class CallMetrics:
    """Counters of one media process. Labels hold names of ours only, never what a caller said or keyed."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.live = Gauge("voicebot_calls_live", "Calls that are up", registry=registry)
        self.ended = Counter(
            "voicebot_calls_ended", "Calls by disposition", ["disposition"], registry=registry
        )
        self.refused = Counter("voicebot_calls_refused", "Calls not admitted", ["reason"], registry=registry)
        self.turns = Counter("voicebot_turns", "Turns", ["language", "intent"], registry=registry)
        self.latency = Histogram(
            "voicebot_answer_seconds",
            "Caller's last speech to the first sample of the answer",
            ["language"],
            buckets=_LATENCY_BUCKETS,
            registry=registry,
        )
        self.human = Counter("voicebot_human_requests", "Requests for a person", ["by"], registry=registry)
        self.transfers = Counter(
            "voicebot_transfer_steps", "Steps of transfers", ["state", "failure"], registry=registry
        )
        self.denied = Counter(
            "voicebot_transfers_denied", "Destinations not dialled for safety", ["cause"], registry=registry
        )
        self.rules = Counter(
            "voicebot_rules_applied", "Transfer rules that decided", ["rule", "point"], registry=registry
        )
        self.disclosure = Counter(
            "voicebot_disclosures", "Disclosures", ["language", "complete"], registry=registry
        )
        self.trouble = Counter(
            "voicebot_trouble", "No-input, no-match, overflow …", ["what"], registry=registry
        )

    def note(self, event: CallEvent) -> None:
        """Count one event."""
        match event:
            case TurnTaken():
                self.turns.labels(event.language, event.intent or "none").inc()
                felt = event.timings.last_speech_to_first_audio
                if felt is not None:
                    self.latency.labels(event.language).observe(felt / 1000)
            case CallEnded():
                self.ended.labels(event.disposition).inc()
            case HumanRequested():
                self.human.labels(event.by).inc()
            case TransferProgressed():
                self.transfers.labels(event.state, event.failure or "").inc()
            case TransferDenied():
                self.denied.labels(event.cause).inc()
            case RuleApplied():
                self.rules.labels(event.rule, event.point).inc()
            case RulesFailed():
                self.trouble.labels("rules_failed").inc()
            case CallbackOffered():
                self.trouble.labels("callback_offered").inc()
            case DisclosurePlayed():
                complete = event.frames_sent >= event.frames_total
                self.disclosure.labels(event.language, str(complete).lower()).inc()
            case NoInput():
                self.trouble.labels("no_input").inc()
            case NoMatch():
                self.trouble.labels("no_match").inc()
            case BargeIn():
                self.trouble.labels("barge_in").inc()
            case CallbackRequested():
                self.trouble.labels("callback").inc()
            case Overflowed():
                self.trouble.labels(f"overflow_{event.queue}").inc(event.dropped)
            case SpeechWorkerFailed():
                self.trouble.labels(f"worker_{event.what}").inc()
            case _:
                pass

    def text(self) -> bytes:
        """Return the exposition format."""
        return generate_latest(self.registry)
