"""Server and client over a real loopback socket."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from voicebot.audio import FRAME_BYTES, AudioClip, level_dbfs, pcm_of, samples_of
from voicebot.errors import DialFailed, DialFailure
from voicebot.media.leg import Dialler, DigitPressed, Leg, LegEndCause, LegEnded, LegSignal
from voicebot.media.media_stream import MediaStreamConfig, MediaStreamLeg, MediaStreamServer
from voicebot.media.media_stream_client import MediaStreamClientLeg, MediaStreamDialler
from voicebot.media.media_stream_guard import Access, signature
from voicebot.media.media_stream_leg import StreamLimits
from voicebot.media.media_stream_messages import GatewayWriter
from voicebot.media.ticker import Ticker

TOKEN = "a-shared-token"
WAIT = 10.0


def tone(frequency: float, milliseconds: int) -> bytes:
    samples = np.arange(16 * milliseconds)
    return pcm_of(np.sin(samples * 2 * np.pi * frequency / 16_000) * 9000)


def pitch(pcm: bytes) -> float:
    spectrum = np.abs(np.fft.rfft(samples_of(pcm).astype(float)))
    return float(np.argmax(spectrum) * 16_000 / (len(pcm) // 2))


class Lobby:
    """Where legs of the server arrive; each waits here until its test lets it go."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[MediaStreamLeg] = asyncio.Queue()
        self.leave = asyncio.Event()

    async def __call__(self, leg: Leg) -> None:
        self.arrived.put_nowait(cast(MediaStreamLeg, leg))
        await self.leave.wait()

    async def next(self) -> MediaStreamLeg:
        return await asyncio.wait_for(self.arrived.get(), WAIT)


@asynccontextmanager
async def running(
    access: Access | None = None,
    on_leg: Callable[[Leg], Awaitable[None]] | None = None,
    *,
    max_connections: int = 50,
    start_seconds: float = 5.0,
    limits: StreamLimits | None = None,
) -> AsyncIterator[tuple[MediaStreamServer, Lobby, str]]:
    lobby = Lobby()
    config = MediaStreamConfig(
        access or Access(token=TOKEN),
        "127.0.0.1",
        0,
        max_connections,
        start_seconds,
        end_seconds=1.0,
        limits=limits or StreamLimits(),
    )
    server = MediaStreamServer(config, on_leg or lobby, Ticker())
    await server.start()
    try:
        yield server, lobby, f"ws://127.0.0.1:{server.port}/media"
    finally:
        lobby.leave.set()
        await asyncio.wait_for(server.close(), WAIT)


async def dial(url: str, token: str = TOKEN) -> MediaStreamClientLeg:
    return await MediaStreamDialler(Ticker(), token=token, caller="0301234567", called="100").dial(url)


async def heard(leg: Leg, milliseconds: int, *, above_dbfs: float = -30.0) -> bytes:
    """Audio of a leg from its first loud frame on."""
    pcm = b""
    async with asyncio.timeout(WAIT):
        async for frame in leg.frames():
            if pcm or level_dbfs(frame.pcm) > above_dbfs:
                pcm += frame.pcm
            if len(pcm) >= milliseconds * 32:
                break
    return pcm


async def last_signal(leg: Leg) -> LegSignal:
    async with asyncio.timeout(WAIT):
        return [signal async for signal in leg.signals()][-1]


async def test_both_hear_each_other_keys_pass_and_marks_confirm() -> None:
    async with running() as (server, lobby, url):
        dialler: Dialler = MediaStreamDialler(Ticker(), token=TOKEN, caller="0301234567", called="100")
        caller = await dialler.dial(url)
        bot = await lobby.next()
        assert isinstance(caller, Leg)
        assert isinstance(bot, Leg)
        assert (bot.info.caller, bot.info.called, bot.info.inbound) == ("0301234567", "100", True)
        assert bot.info.peer_call_id == caller.info.peer_call_id
        await bot.answer()
        assert bot.info.codec == "PCMU/8000"
        prompt = bot.playout.play(AudioClip(tone(500, 600), "prompt"))
        caller.playout.play(AudioClip(tone(1000, 600), "speech"))
        at_caller, at_bot = await asyncio.gather(heard(caller, 400), heard(bot, 400))
        assert pitch(at_caller) == pytest.approx(500, abs=5)
        assert pitch(at_bot) == pytest.approx(1000, abs=5)
        result = await asyncio.wait_for(prompt.finished(), WAIT)
        assert (result.frames_sent, result.frames_total, result.completed) == (30, 30, True)
        assert cast(MediaStreamLeg, bot).playout._gateway_marks is True
        await caller.send_digits("0#")
        await caller.hang_up()
        signals = [signal async for signal in bot.signals()]
        assert signals == [DigitPressed("0", 100), DigitPressed("#", 100), LegEnded(LegEndCause.PEER, "stop")]
        assert await last_signal(caller) == LegEnded(LegEndCause.US, "normal")
        assert (bot.sequence.gaps, bot.sequence.repeated, bot.dropped_out) == (0, 0, 0)
        lobby.leave.set()
    assert server.connections == 0


async def test_stopping_clears_at_the_gateway_and_says_what_was_sent() -> None:
    async with running() as (_, lobby, url):
        caller = await dial(url)
        bot = await lobby.next()
        await bot.answer()
        playback = bot.playout.play(AudioClip(tone(500, 5000), "long"))
        await heard(caller, 200)
        (stopped,) = bot.playout.stop()
        assert 10 <= stopped.frames_sent < 100
        assert not (await playback.finished()).completed
        assert caller.audio.clear() == []
        quiet = 0
        async with asyncio.timeout(WAIT):
            async for frame in caller.frames():
                quiet = quiet + 1 if level_dbfs(frame.pcm) < -60 else 0
                if quiet == 10:
                    break
        await caller.hang_up()


async def test_digits_of_the_bot_are_tones() -> None:
    async with running() as (_, lobby, url):
        caller = await dial(url)
        bot = await lobby.next()
        await bot.answer()
        sending = asyncio.create_task(bot.send_digits("1"))
        spectrum = np.abs(np.fft.rfft(samples_of(await heard(caller, 100)).astype(float)))
        loudest = sorted(np.argsort(spectrum)[-2:] * 10)
        assert loudest == pytest.approx([700, 1210], abs=15)
        await asyncio.wait_for(sending, WAIT)
        with pytest.raises(NotImplementedError):
            await bot.refer("sip:x@example.invalid")
        await caller.hang_up()


async def test_a_hang_up_or_refusal_of_the_bot_reaches_the_caller() -> None:
    async with running() as (_, lobby, url):
        first, second = await dial(url), await dial(url)
        await (await lobby.next()).hang_up()
        assert await last_signal(first) == LegEnded(LegEndCause.PEER, "closed 1000")
        await (await lobby.next()).reject(486, "Busy Here")
        assert await last_signal(second) == LegEnded(LegEndCause.NETWORK, "closed 4486")


async def test_the_stream_closes_when_its_call_is_over_or_has_failed() -> None:
    async def fails(leg: Leg) -> None:
        await leg.answer()
        raise RuntimeError("a bug")

    async with running(on_leg=fails) as (server, _, url):
        caller = await dial(url)
        assert await last_signal(caller) == LegEnded(LegEndCause.PEER, "closed 1000")
        assert server.connections <= 1


@pytest.mark.parametrize(
    ("access", "headers", "query", "status"),
    [
        (Access(token=TOKEN), {}, "", 401),
        (Access(token=TOKEN), {"Authorization": "Bearer wrong"}, "", 401),
        (Access(token=TOKEN), {}, "?token=wrong", 401),
        (Access(token=TOKEN, allow=(ipaddress.ip_network("192.0.2.0/24"),)), {}, f"?token={TOKEN}", 403),
        (Access(signing_key="k", public_url="wss://bot.example"), {"X-Twilio-Signature": "bm8="}, "", 401),
    ],
)
async def test_strangers_are_refused_before_the_upgrade(
    access: Access, headers: dict[str, str], query: str, status: int
) -> None:
    async with running(access) as (server, lobby, url):
        with pytest.raises(InvalidStatus) as refused:
            await connect(url + query, additional_headers=headers)
        assert refused.value.response.status_code == status
        assert (server.refused, server.connections, lobby.arrived.qsize()) == (1, 0, 0)


async def test_token_in_the_query_and_signature_open() -> None:
    access = Access(token=TOKEN, signing_key="k", public_url="wss://bot.example")
    async with running(access) as (_, lobby, url):
        signed = {"X-Twilio-Signature": signature("k", "wss://bot.example/media")}
        for target, headers in ((f"{url}?token={TOKEN}", {}), (url, signed)):
            caller = await MediaStreamDialler(Ticker(), headers=headers).dial(target)
            await lobby.next()
            await caller.hang_up()


async def test_more_than_the_allowed_connections_are_busy() -> None:
    async with running(max_connections=1) as (_, lobby, url):
        caller = await dial(url)
        await lobby.next()
        with pytest.raises(DialFailed) as busy:
            await dial(url)
        assert busy.value.reason is DialFailure.BUSY
        await caller.hang_up()


async def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(DialFailed) as failed:
            await dial(f"ws://127.0.0.1:{bound.getsockname()[1]}/")
    assert failed.value.reason is DialFailure.UNREACHABLE


async def raw(url: str) -> ClientConnection:
    return await connect(f"{url}?token={TOKEN}", compression=None)


async def close_code(connection: ClientConnection) -> int | None:
    async with asyncio.timeout(WAIT):
        try:
            while True:
                await connection.recv()
        except ConnectionClosed:
            return connection.close_code


START = GatewayWriter("MZ1", "CA1").start({})


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([b"\x00\x01"], 1003),
        (["not json"], 1007),
        ([json.dumps({"event": "media", "media": {"payload": ""}})], 1002),
        ([START.replace("audio/x-mulaw", "audio/L16")], 1003),
        ([START, START], 1002),
        ([START, b"\xff"], 1003),
        ([START, "{"], 1007),
        ([START, "x" * 70_000], 1009),
        ([START, *[GatewayWriter("MZ1", "CA1").media(b"\x00" * 8000)] * 20], 1008),
        ([START, *['{"event":"new"}'] * 2000], 1008),
    ],
)
async def test_what_breaks_the_rules_is_closed_with_its_code(messages: list[str | bytes], code: int) -> None:
    async with running() as (_, lobby, url):
        connection = await raw(url)
        try:
            for message in messages:
                await connection.send(message)
        except ConnectionClosed:
            pass
        assert await close_code(connection) == code
        caller = await dial(url)  # the next one is served
        while (bot := await lobby.next()).info.caller != "0301234567":
            assert isinstance(await last_signal(bot), LegEnded)
        await caller.hang_up()


async def test_a_connection_that_never_starts_is_closed() -> None:
    async with running(start_seconds=0.05) as (_, lobby, url):
        connection = await raw(url)
        assert await close_code(connection) == 1008
        assert lobby.arrived.empty()


async def test_an_aborted_connection_ends_the_leg() -> None:
    async with running() as (_, lobby, url):
        connection = await raw(url)
        await connection.send(START)
        bot = await lobby.next()
        await bot.answer()
        sock: socket.socket = connection.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.transport.abort()
        assert await last_signal(bot) == LegEnded(LegEndCause.NETWORK, "closed 1006")
        playback = bot.playout.play(AudioClip(bytes(FRAME_BYTES), "late"))
        assert (await playback.finished()).frames_sent == 0
        await bot.hang_up()


async def test_a_stream_without_audio_is_lost() -> None:
    async with running(limits=StreamLimits(media_seconds=0.1)) as (_, lobby, url):
        connection = await raw(url)
        await connection.send(START)
        bot = await lobby.next()
        await bot.answer()
        assert await last_signal(bot) == LegEnded(LegEndCause.MEDIA_LOST, "no audio came")
        assert await close_code(connection) == 1000


async def test_closing_the_server_ends_its_legs() -> None:
    async with running() as (server, lobby, url):
        caller = await dial(url)
        bot = await lobby.next()
        await bot.answer()
        lobby.leave.set()
        await asyncio.wait_for(server.close(), WAIT)
        assert isinstance(await last_signal(bot), LegEnded)
        assert isinstance(await last_signal(caller), LegEnded)


async def test_a_hundred_connections_leave_nothing_behind() -> None:
    async def answers(leg: Leg) -> None:
        await leg.answer()
        leg.playout.play(AudioClip(tone(500, 100), "hello"))
        async for _ in leg.signals():
            pass

    async def call(url: str, number: int) -> None:
        if number % 3 == 0:
            connection = await raw(url)
            await connection.send(START)
            connection.transport.abort()
            await connection.wait_closed()
            return
        caller = await dial(url)
        if number % 3 == 1:
            await heard(caller, 40)
        await caller.hang_up()

    def resources() -> tuple[int, int]:
        gc.collect()
        return len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))

    async with running(on_leg=answers) as (server, _, url):
        await asyncio.gather(*(call(url, number) for number in range(9)))
        while server.connections:
            await asyncio.sleep(0)
        before = resources()
        for batch in range(10):
            await asyncio.gather(*(call(url, batch + number) for number in range(10)))
        while server.connections:
            await asyncio.sleep(0)
        assert resources() == before
        assert server._ticker.legs == 0
        assert not server._legs
