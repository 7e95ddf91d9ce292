"""A caller's browser without a screen: aiortc's own peer connection, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import json
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack
from av import AudioFrame, AudioResampler


class ToneTrack(AudioStreamTrack):  # type: ignore[misc, unused-ignore]
    """A tone of `hertz` at 48 kHz, paced in real time; silent while `hertz` is 0."""

    def __init__(self, hertz: float = 0.0) -> None:
        super().__init__()
        self.hertz = hertz

    async def recv(self) -> AudioFrame:
        silent = await super().recv()  # paces; 8 kHz
        rate, start = 48_000, silent.pts * 6
        times = (np.arange(960) + start) / rate
        samples = (8000 * np.sin(2 * np.pi * self.hertz * times)).astype(np.int16).reshape(1, -1)
        frame = AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        return frame


class FakeBrowser:
    """Offers audio and the data channel, records what it hears (s16 16 kHz) and what it is told."""

    def __init__(self, hertz: float = 0.0) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.track = ToneTrack(hertz)
        self.heard = bytearray()
        self.told: list[dict[str, Any]] = []
        self.has_channel = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self.pc.addTrack(self.track)
        self.pc.on("track", self._track)
        self.channel: RTCDataChannel = self.pc.createDataChannel("voicebot")
        self.channel.on("open", self.has_channel.set)
        self.channel.on("message", lambda text: self.told.append(json.loads(text)))

    async def offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    async def take(self, answer: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def say(self, **message: Any) -> None:
        self.channel.send(json.dumps(message))

    async def until_told(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                for message in self.told:
                    if message["type"] == kind:
                        return message
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await self.pc.close()

    def _track(self, track: MediaStreamTrack) -> None:
        self._listening = asyncio.create_task(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        resampler = AudioResampler(format="s16", layout="mono", rate=16_000)
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            for piece in resampler.resample(frame):
                self.heard += piece.to_ndarray().tobytes()
