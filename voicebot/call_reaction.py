"""Which question of the dialogue an input is. Pure."""

from __future__ import annotations

from datetime import datetime

from voicebot.call_inputs import EarsFailed, Input, Silent, TimeUp, VoiceFailed
from voicebot.call_services import Dialogue
from voicebot.call_understanding import TurnHeard
from voicebot.dialogue.actions import Action, TaskOutcome
from voicebot.media.leg import DigitPressed
from voicebot.transfer.execute import TransferResult


def reaction(dialogue: Dialogue, item: Input, now: datetime) -> tuple[Action, ...]:
    """Return what the dialogue wants done; () for 'go on with what runs'."""
    match item:
        case TurnHeard(interpretation=None):
            return dialogue.nothing_understood(now)
        case TurnHeard(interpretation=interpretation) if interpretation is not None:
            return dialogue.heard(interpretation, now, doubtful=item.is_doubtful)
        case DigitPressed(digit=digit):
            return dialogue.key(digit, now)
        case Silent():
            return dialogue.silence(now)
        case TaskOutcome():
            return dialogue.task_done(item, now)
        case TransferResult(choice=choice) if choice:
            return dialogue.waiting.left(choice, now)
        case TransferResult(ended_by="handed_on", target=target):
            return dialogue.waiting.handed_on(target)
        case TransferResult(failure=None):
            return dialogue.transfer_returned(now)
        case TransferResult(failure=failure) if failure is not None:
            return dialogue.transfer_failed(failure, now)
        case TimeUp():
            return dialogue.time_is_up(now)
        case EarsFailed():
            return dialogue.ears_failed(now)
        case VoiceFailed():
            return dialogue.broken(now)
    return ()
