"""The real service as a process of its own, on free ports, with state in a folder of the test's."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.peers.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 150.0
PROMPT_CACHE = ROOT / "var" / "test-prompt-cache"
"""Shared by all tests: rendered once."""


@dataclass
class RunningService:
    """`facts`: what `voicebot serve --json` printed. `state`: its folder (database, spool, log)."""

    process: asyncio.subprocess.Process
    sip_port: int
    gateway_port: int
    web_port: int
    control_port: int
    state: Path
    token: str
    agent_port: int
    facts: dict[str, Any] = field(default_factory=dict)

    def uri(self, line: str = "nl") -> str:
        return f"sip:{line}@127.0.0.1:{self.sip_port}"

    def stream_url(self, line: str = "nl") -> str:
        return f"ws://127.0.0.1:{self.gateway_port}/media?token={self.token}&called={line}"

    def page_url(self, page: str) -> str:
        """A page of the web gateway; browsers give the microphone to localhost."""
        return f"http://localhost:{self.web_port}{page}"

    @property
    def database_url(self) -> str:
        return f"sqlite+aiosqlite:///{self.state}/voicebot.db"

    def log(self) -> str:
        return (self.state / "service.log").read_text(errors="replace")

    async def health(self) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            reply = await client.get(f"http://127.0.0.1:{self.control_port}/health")
        return dict(reply.json())

    async def until(self, condition: str, seconds: float = 20.0) -> dict[str, Any]:
        """Wait until a Python expression over the health's values holds ('live_calls == 0')."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            health = await self.health()
            if eval(condition, {}, dict(health)):  # the tests' own expressions
                return health
            assert asyncio.get_running_loop().time() < deadline, f"{condition} never held: {health}"
            await asyncio.sleep(0.1)


@asynccontextmanager
async def running_service(
    state: Path, environment: Mapping[str, str] | None = None, *, agent_port: int | None = None
) -> AsyncIterator[RunningService]:
    """Start `voicebot serve`, wait until it answers calls, stop it with SIGTERM."""
    sip, gateway, web, control = free_port(2), free_port(), free_port(), free_port()
    agent = agent_port or free_port(2)
    rtp = free_port() // 2 * 2
    first_rtp = 20_000 + rtp % 8_000
    settings = {
        "VOICEBOT_SIP__HOST": "127.0.0.1",
        "VOICEBOT_SIP__PORT": str(sip),
        "VOICEBOT_RTP__FIRST_PORT": str(first_rtp),
        "VOICEBOT_RTP__LAST_PORT": str(first_rtp + 1_000),
        "VOICEBOT_GATEWAY__HOST": "127.0.0.1",
        "VOICEBOT_GATEWAY__PORT": str(gateway),
        "VOICEBOT_WEB__PORT": str(web),
        "VOICEBOT_WEB__TOKEN": "test-token",
        "VOICEBOT_WEB__CALLS_PER_MINUTE": "100",
        "VOICEBOT_GATEWAY__TOKEN": "test-token",
        "VOICEBOT_CONTROL__PORT": str(control),
        "VOICEBOT_STORAGE__URL": f"sqlite+aiosqlite:///{state}/voicebot.db",
        "VOICEBOT_STORAGE__SPOOL_DIR": str(state / "spool"),
        "VOICEBOT_STORAGE__KEY_FILE": str(state / "transcripts.key"),
        "VOICEBOT_SPEECH__CACHE_DIR": str(PROMPT_CACHE),
        "VOICEBOT_TRANSFER__DESTINATIONS__MEDEWERKER__URI": f"sip:agent@127.0.0.1:{agent}",
        **(environment or {}),
    }
    state.mkdir(parents=True, exist_ok=True)
    with (state / "service.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "TERM"),
            sys.executable,
            *("-m", "voicebot", "serve", "--json"),
            cwd=ROOT,
            env={**os.environ, **settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    service = RunningService(process, sip, gateway, web, control, state, "test-token", agent)
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        assert line, f"the service ended while starting:\n{service.log()[-4000:]}"
        service.facts = json.loads(line)
        yield service
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 30)
            except TimeoutError:
                process.kill()
                await process.wait()
