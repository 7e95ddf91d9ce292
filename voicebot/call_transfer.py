"""Transfers as one call sees them: a route of steps by name, in company, recorded, briefed, within caps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from voicebot.audio import AudioClip
from voicebot.call_speech import Voice
from voicebot.dialogue.actions import Say, Transfer
from voicebot.dialogue.summary import reason_words
from voicebot.errors import DialFailure, TransferRefused, VoicebotError
from voicebot.events import (
    EventSink,
    Language,
    TransferDenied,
    TransferProgressed,
    TransferRequested,
    TransferSkipped,
)
from voicebot.media.leg import Dialler, Leg
from voicebot.transfer.agents import AgentBriefing
from voicebot.transfer.briefing import agent_briefing
from voicebot.transfer.course import Plan, TransferState
from voicebot.transfer.destinations import Destinations, TransferKind
from voicebot.transfer.execute import (
    Attempt,
    Bridger,
    Reachable,
    TransferExecution,
    TransferResult,
    TransferTimes,
)
from voicebot.transfer.queue import Ticket
from voicebot.transfer.reach import LONG_AGO, Agents, FixedReach, Guard, PoolReach
from voicebot.transfer.route import Step, ToAgent, ToDestination, ToQueue, name_of, route
from voicebot.transfer.waiting import WaitFacts, WaitingTimes, WaitingWords


async def _in_thread(make: Callable[[], AgentBriefing]) -> AgentBriefing:
    return await asyncio.to_thread(make)


@dataclass(frozen=True, slots=True)
class TransferParts:
    """What a transfer needs.

    `dialler` None: no outbound calls, only blind transfers can succeed. `pool` None: no queues. `then`: tried
    after whom a transfer names. `clock`: monotonic seconds, the pool's. `agent_language`: of the briefing;
    the same as the dialogue's, which writes the summary. `off_loop`: runs the redaction of a desk's briefing,
    which takes some milliseconds.
    """

    destinations: Destinations
    dialler: Dialler | None
    bridge: Bridger
    hold_music: AudioClip
    times: TransferTimes
    pool: Agents | None
    clock: Callable[[], float]
    now: Callable[[], datetime]
    then: tuple[str, ...] = ()
    agent_language: Language = "nl"
    off_loop: Callable[[Callable[[], AgentBriefing]], Awaitable[AgentBriefing]] = _in_thread


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class CallerCare:
    """What the call does for its caller around a transfer.

    `comfort`: tell how the wait goes; returns when said. `wake`: set when the caller asks how it goes.
    `let_go`: between the agent's acceptance and the bridge, give the caller's frames and signals away.
    `accepted`: a person wants the call, so that it is too late to choose otherwise. `referred`: the peer is
    with another now. `lines`: what was said so far. `waited_seconds`: since the request for a person.
    """

    let_go: Callable[[], Awaitable[None]]
    comfort: Callable[[WaitFacts], Awaitable[None]] | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    accepted: Callable[[], None] = _nothing
    referred: Callable[[], None] = _nothing
    lines: Callable[[], list[tuple[str, str]]] = list
    waited_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A step that can be tried. `queue`: its name, '' for none."""

    name: str
    plan: Plan
    reach: Reachable
    queue: str = ""


class CallTransfer:
    """The transfers of one call. `ask` when one is decided, `run` once it was announced."""

    def __init__(
        self, leg: Leg, parts: TransferParts, voice: Voice, sink: EventSink, at_ms: Callable[[], int]
    ) -> None:
        self._leg, self._parts, self._voice, self._sink, self._at_ms = leg, parts, voice, sink, at_ms
        self._asked, self._language = "", parts.agent_language
        self._route: tuple[Step, ...] = ()
        self._entered_at = 0.0
        self._began_at = 0.0

    def ask(self, action: Transfer) -> None:
        """Note that a transfer was decided; the caller hears so now."""
        self._language = action.language
        self._route = self._with_somebody_there(self._steps(action))
        step = self._route[0]
        self._asked = name_of(step) or self._parts.destinations.human
        self._sink(TransferRequested(self._at_ms(), self._asked, action.reason, self._kind(step)))

    async def run(self, action: Transfer, care: CallerCare) -> TransferResult:
        """Try the steps of the route in turn, until somebody takes the call."""
        self._entered_at = self._began_at = self._parts.clock()
        result: TransferResult | None = None
        for step in self._route:
            attempt = self._prepared(step)
            if attempt is None:
                continue
            result = await self._try(attempt, action, care)
            if result.failure is None:
                return result
        if result is None:  # nothing of it could be tried: rules or settings are wrong (law H2)
            attempt = self._prepared(ToDestination(""))
            assert attempt is not None  # checked at the start of the service
            result = await self._try(attempt, action, care)
        return result

    def _steps(self, action: Transfer) -> tuple[Step, ...]:
        then = () if action.reason == "worker_failure" else self._parts.then
        return route(((action.destination, action.kind), *action.then), then)

    def _with_somebody_there(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Leave out, and note, queues and agents where nobody is now; all stay when nobody is anywhere."""
        absent = {step: cause for step in steps if (cause := self._absence(step))}
        if len(absent) == len(steps):
            return steps
        for step, cause in absent.items():
            self._sink(TransferSkipped(self._at_ms(), name_of(step), cause))
        return tuple(step for step in steps if step not in absent)

    def _absence(self, step: Step) -> str:
        """Say why nobody is there, '' when somebody may be (a name that means nothing is refused later)."""
        pool = self._parts.pool
        if pool is None or isinstance(step, ToDestination):
            return ""
        queue = step.queue if isinstance(step, ToQueue) else ""
        agent_id = step.agent_id if isinstance(step, ToAgent) else ""
        ticket = Ticket(self._leg.info.leg_id, queue, self._language, LONG_AGO, agent_id)
        try:
            if queue and not pool.is_open(queue, self._parts.now()):
                return "closed"
            return "" if pool.is_staffed(ticket) else "absent"
        except TransferRefused:
            return ""

    def _kind(self, step: Step) -> TransferKind:
        """A rule's 'bridged' leaves a destination its own way."""
        kind = step.kind or "bridged"
        if isinstance(step, ToDestination) and kind == "bridged":
            try:
                return self._parts.destinations.resolve(step.name).kind
            except TransferRefused:
                return kind
        return "bridged" if kind == "blind" and not isinstance(step, ToDestination) else kind

    def _prepared(self, step: Step) -> _Attempt | None:
        """Resolve a step's name; None (noted) for one that means nothing."""
        parts, plan = self._parts, Plan(self._kind(step), is_queued=isinstance(step, ToQueue))
        name, pool = name_of(step), parts.pool
        try:
            match step:
                case ToDestination():
                    destination = parts.destinations.resolve(step.name)
                    reach = FixedReach(destination.uri, destination.name, self._guard())
                    return _Attempt(destination.name, plan, reach)
                case ToQueue(queue=queue) if pool is not None:
                    pool.queue(queue)
                    return _Attempt(name, plan, self._from_pool(pool, queue=queue), queue)
                case ToAgent(agent_id=agent_id) if pool is not None and _knows(pool, agent_id):
                    return _Attempt(name, plan, self._from_pool(pool, agent_id=agent_id))
        except TransferRefused:
            pass
        self._denied(name, "unknown")
        self._announce(name, plan.kind, "rule")
        self._progress(name, TransferState.FAILED, DialFailure.FAILED)
        return None

    def _from_pool(self, pool: Agents, *, queue: str = "", agent_id: str = "") -> PoolReach:
        ticket = Ticket(self._leg.info.leg_id, queue, self._language, self._entered_at, agent_id)
        patience = self._parts.times.ring_seconds if agent_id else 0.0
        return PoolReach(pool, ticket, self._guard(), self._parts.now, patience_seconds=patience)

    def _guard(self) -> Guard:
        destinations = self._parts.destinations
        return Guard(
            destinations.caps,
            self._leg.info.caller,
            self._parts.clock,
            destinations.check_contact,
            self._denied,
        )

    async def _try(self, attempt: _Attempt, action: Transfer, care: CallerCare) -> TransferResult:
        self._announce(attempt.name, attempt.plan.kind, action.reason)
        parts, waited = self._parts, self._waited(care)
        words = WaitingWords(self._waiting_times(attempt), waited, speaks_first=bool(attempt.queue))
        execution = TransferExecution(
            caller=self._leg,
            dialler=parts.dialler,
            bridge=parts.bridge,
            company=lambda: self._company(care, words, attempt),
            let_go=care.let_go,
            referred=care.referred,
            ring_seconds=parts.times.ring_seconds if attempt.queue else parts.times.ring_for(waited),
            accept_seconds=parts.times.accept_seconds,
            progress=lambda state, failure=None: self._stepped(attempt, care, state, failure),
        )
        return await execution.run(
            Attempt(
                attempt.plan,
                attempt.reach,
                lambda: _briefing(action, parts.agent_language, self._voice),
                lambda: self._shown(attempt, action, care),
            )
        )

    def _waiting_times(self, attempt: _Attempt) -> WaitingTimes:
        offer = self._parts.times.offer_seconds
        if attempt.queue and self._parts.pool is not None:
            offer = min(offer, self._parts.pool.queue(attempt.queue).callback_after_seconds)
        return WaitingTimes(offer_seconds=offer)

    def _waited(self, care: CallerCare) -> float:
        return care.waited_seconds + self._parts.clock() - self._began_at

    async def _shown(self, attempt: _Attempt, action: Transfer, care: CallerCare) -> AgentBriefing:
        """Make the desk's briefing."""
        make = partial(
            agent_briefing,
            call_id=self._leg.info.leg_id,
            caller=self._leg.info.caller,
            language=action.language,
            reason=reason_words(self._parts.agent_language, action.reason),
            asked=action.asked,
            tried=action.tried,
            lines=care.lines(),
            queue=attempt.queue,
            waited_seconds=self._waited(care),
        )
        return await self._parts.off_loop(make)

    # -- the record -------------------------------------------------------------------------------------

    def _announce(self, name: str, kind: TransferKind, reason: str) -> None:
        """Note the request, unless it was when the transfer was decided."""
        asked, self._asked = self._asked, ""
        if asked != name:
            self._sink(TransferRequested(self._at_ms(), name, reason, kind))

    def _stepped(
        self, attempt: _Attempt, care: CallerCare, state: TransferState, failure: DialFailure | None
    ) -> None:
        agent = attempt.reach.agent_id if isinstance(attempt.reach, PoolReach) else ""
        self._progress(attempt.name, state, failure, agent)
        if state is TransferState.ACCEPTED:
            care.accepted()

    def _progress(
        self, name: str, state: TransferState, failure: DialFailure | None = None, agent: str = ""
    ) -> None:
        reason = failure.value if failure is not None else None
        self._sink(TransferProgressed(self._at_ms(), name, state.value, reason, agent))

    def _denied(self, name: str, cause: str) -> None:
        self._sink(TransferDenied(self._at_ms(), name, cause))

    # -- company ----------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _company(self, care: CallerCare, words: WaitingWords, attempt: _Attempt) -> AsyncIterator[None]:
        """Music, and now and then a word, until left."""
        task = asyncio.create_task(self._entertain(care, words, attempt), name="hold-music")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            self._leg.playout.stop()
            if not task.cancelled():
                task.result()

    async def _entertain(self, care: CallerCare, words: WaitingWords, attempt: _Attempt) -> None:
        self._leg.playout.loop(self._parts.hold_music)
        while care.comfort is not None:
            try:
                async with asyncio.timeout(words.next_in(self._waited(care))):
                    await care.wake.wait()
            except TimeoutError:
                pass
            care.wake.clear()
            facts = self._facts(attempt, self._waited(care), words)
            self._leg.playout.stop()
            await care.comfort(facts)
            self._leg.playout.loop(self._parts.hold_music)

    def _facts(self, attempt: _Attempt, waited: float, words: WaitingWords) -> WaitFacts:
        pool, call_id = self._parts.pool, self._leg.info.leg_id
        offers = words.take(waited)
        if pool is None or not attempt.queue:
            return WaitFacts(waited, offers_callback=offers)
        return WaitFacts(waited, pool.position(call_id), pool.expected_wait(call_id), offers)


def _knows(pool: Agents, agent_id: str) -> bool:
    return any(agent.agent_id == agent_id for agent, _ in pool.agents())


async def _briefing(action: Transfer, language: Language, voice: Voice) -> AsyncIterator[bytes]:
    """Yield what the agent hears: the summary, then which keys to press.

    A dead voice must not stop a transfer: what cannot be rendered is left out.
    """
    for say in (
        Say("agent_briefing", language, values={"summary": action.summary}),
        Say("agent_keys", language),
    ):
        for sentence in voice.sentences(voice.text_of(say), language):
            clip = voice.ready(sentence, language, 1.0)
            if clip is not None:
                yield clip.pcm
                continue
            try:
                async for chunk in voice.stream(sentence, language, 1.0, may_persist=voice.may_persist(say)):
                    yield chunk
            except (VoicebotError, OSError):
                break
