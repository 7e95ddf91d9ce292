"""How exactly legs send: real sessions over loopback, timed by the kernel where the packets arrive.

Each leg talks (a tone through the whole chain: queue, encoder, packet, socket) and hears its own echo, so
that receiving costs what it costs in a call. What is measured is the lateness of each packet against a grid
of 20 ms laid through the leg's earliest one.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import struct
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt

from voicebot.audio import SAMPLE_RATE, AudioClip, pcm_of
from voicebot.media.codecs import codec_named
from voicebot.media.rtp import RtpSession
from voicebot.media.rtp_format import RtpFormat
from voicebot.media.rtp_ports import RtpPorts
from voicebot.media.ticker import Ticker

Milliseconds = npt.NDArray[np.float64]

_SO_TIMESTAMPNS = 35  # Linux; not in the socket module
_PAYLOAD_TYPE = 107


@dataclass(frozen=True, slots=True)
class PlayoutReport:
    """Lateness against the 20 ms slot and gaps between packets, in milliseconds; load averages of 1 minute.

    `cpu_share`: of one core, this process. `slots_missed`: slots without a frame (loop late by over 20 ms).
    """

    legs: int
    seconds: float
    codec: str
    packets: int
    late_p50_ms: float
    late_p99_ms: float
    late_max_ms: float
    gap_p99_ms: float
    gap_max_ms: float
    slots_missed: int
    cpu_share: float
    load_before: float
    load_after: float

    def as_dict(self) -> dict[str, object]:
        """Return the fields, for JSON."""
        return asdict(self)


@dataclass
class _Echo:
    """The far end of one leg: notes the kernel's time of each packet, in seconds, and sends it back."""

    socket: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    times: list[float] = field(default_factory=list)

    def open(self, host: str) -> tuple[str, int]:
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        asyncio.get_running_loop().add_reader(self.socket, self._read)
        address: tuple[str, int] = self.socket.getsockname()
        return address

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()

    def _read(self) -> None:
        try:
            data, ancillary, _, source = self.socket.recvmsg(2048, 64)
        except BlockingIOError:
            return
        if len(data) > 1 and 192 <= data[1] <= 223:
            return  # RTCP is not paced
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("qq", value[:16])
                self.times.append(seconds + nanoseconds / 1e9)
        self.socket.sendto(data, source)


async def measure_playout(
    *,
    legs: int = 10,
    seconds: float = 10.0,
    codec: str = "PCMA",
    host: str = "127.0.0.1",
    first_port: int = 30000,
) -> PlayoutReport:
    """Run `legs` talking legs for `seconds`. Raises MediaError when ports or codec are not there."""
    load_before = os.getloadavg()[0]
    ticker, ports = Ticker(), RtpPorts(host, first_port, first_port + 4 * legs + 2)
    agreed = RtpFormat(codec_named(codec), _PAYLOAD_TYPE, _PAYLOAD_TYPE)
    n = np.arange(SAMPLE_RATE)
    tone = AudioClip(pcm_of(8000 * np.sin(2 * np.pi * 440 * n / SAMPLE_RATE)), "tone")
    sessions, echoes = [], []
    gc.collect()
    gc.freeze()
    cpu_before = sum(os.times()[:2])
    try:
        for _ in range(legs):
            echo = _Echo()
            echoes.append(echo)
            session = await RtpSession.open(ports, ticker)
            sessions.append(session)
            session.start(agreed, echo.open(host))
            session.playout.loop(tone)
        await asyncio.sleep(seconds)
        cpu = sum(os.times()[:2]) - cpu_before
    finally:
        for session in sessions:
            session.close()
        for echo in echoes:
            echo.close()
        gc.unfreeze()
    return _report(
        [echo.times for echo in echoes], legs, seconds, codec, ticker.slots_missed, cpu / seconds, load_before
    )


def _report(
    times: list[list[float]], legs: int, seconds: float, codec: str, missed: int, cpu: float, load: float
) -> PlayoutReport:
    late, gaps = lateness_ms(times)
    return PlayoutReport(
        legs=legs,
        seconds=seconds,
        codec=codec,
        packets=late.size,
        late_p50_ms=round(float(np.percentile(late, 50)), 3),
        late_p99_ms=round(float(np.percentile(late, 99)), 3),
        late_max_ms=round(float(late.max()), 3),
        gap_p99_ms=round(float(np.percentile(gaps, 99)), 3),
        gap_max_ms=round(float(gaps.max()), 3),
        slots_missed=missed,
        cpu_share=round(cpu, 3),
        load_before=round(load, 2),
        load_after=round(os.getloadavg()[0], 2),
    )


def lateness_ms(times: list[list[float]]) -> tuple[Milliseconds, Milliseconds]:
    """Lateness of each packet against its leg's own 20 ms grid, and gaps; both in milliseconds.

    A slot that was missed shows as one long gap, not as lateness of all that follow.
    """
    late: list[Milliseconds] = []
    gaps: list[Milliseconds] = []
    for leg in times:
        if len(leg) < 2:
            continue
        at_ms = (np.array(leg) - leg[0]) * 1000
        phase = at_ms % 20.0
        # Phases cluster just behind the slot: it is the phase from which packets are least late on average.
        starts = phase[:: max(1, phase.size // 200)]
        start = starts[int(np.argmin([np.mean((phase - each) % 20.0) for each in starts]))]
        late.append((phase - start) % 20.0)
        gaps.append(np.diff(at_ms))
    nothing = np.zeros(1)
    return (np.concatenate(late) if late else nothing), (np.concatenate(gaps) if gaps else nothing)
