"""Calling back over real SIP: a real phone as the agent, another as the customer behind a trunk."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.peers.baresip import Account, Baresip
from tests.peers.ports import LOOPBACK, eventually, free_port
from tests.peers.signals import tone, tone_dbfs
from tests.storage.samples import START, a_callback
from tests.transfer.queue_samples import HOURS, a_queue, an_agent
from voicebot.audio import AudioClip
from voicebot.events import Language
from voicebot.listeners import RoutedDialler
from voicebot.media.bridge import join
from voicebot.media.rtp_ports import RtpPorts
from voicebot.media.sip_media import MediaParts, SipLegSettings
from voicebot.media.ticker import Ticker
from voicebot.privacy.encryption import KEY_BYTES, Cipher
from voicebot.sip.endpoint import SipEndpoint, SipEndpointConfig
from voicebot.sip.transport import SocketConfig
from voicebot.sip.trunk import SipTrunk
from voicebot.storage.callback_store import CallbackStore
from voicebot.storage.schema import upgrade_async
from voicebot.storage.store import CallStore
from voicebot.transfer.agent_pool import AgentPool
from voicebot.transfer.call_back import CallBacks
from voicebot.transfer.call_back_parts import CallBackEnd, CallBackParts, CallBackResult, CallBackStart
from voicebot.transfer.callback_numbers import CallbackNumbers
from voicebot.transfer.caps import TransferCaps

pytestmark = pytest.mark.interop

NUMBER = "+31301234567"  # of the callback in samples
BRIEFING_HZ, AGENT_HZ, CUSTOMER_HZ = 700, 1000, 1400


def pcm(hz: float, seconds: float) -> bytes:
    return (tone(hz, seconds, 16000) * 32767).astype(np.int16).tobytes()


async def words(prompt_id: str, language: Language, values: dict[str, str]) -> AsyncIterator[bytes]:
    yield pcm(BRIEFING_HZ, 0.5)


async def test_a_phone_takes_the_briefing_and_talks_with_the_customer(tmp_path: Path) -> None:
    url, cipher = f"sqlite:///{tmp_path}/calls.db", Cipher((b"k" * KEY_BYTES,))
    await upgrade_async(url)
    store, claims = CallStore(url, cipher), CallbackStore(url, cipher)
    await store.save(a_callback())
    ended: list[CallBackResult] = []
    agent_account, customer_account = Account(user="anna"), Account(user=NUMBER)
    async with (
        Baresip.running(tmp_path / "agent", agent_account, audio=tone(AGENT_HZ, 30)) as agent,
        Baresip.running(tmp_path / "customer", customer_account, audio=tone(CUSTOMER_HZ, 30)) as customer,
    ):
        trunk = SipTrunk("provider", proxy=f"sip:{LOOPBACK}:{customer.port}", domains=("trunk.test",))
        endpoint = SipEndpoint(
            SipEndpointConfig(SocketConfig(host=LOOPBACK, port=free_port()), trunks=(trunk,)), _refuse
        )
        await endpoint.start()
        ticker, ports = Ticker(), RtpPorts(LOOPBACK, 31_800, 31_899)
        anna = an_agent("anna", contact=agent.uri)
        pool = AgentPool([a_queue()], [anna], HOURS, clock=time.monotonic, now=lambda: START)
        backs = CallBacks(
            CallBackParts(
                pool=pool,
                claims=claims,
                dialler=RoutedDialler(
                    endpoint, lambda peer: MediaParts(ports, ticker, SipLegSettings(LOOPBACK))
                ),
                numbers=CallbackNumbers("trunk.test"),
                check_contact=lambda contact: None,
                bridge=join,
                words=words,
                music=AudioClip(pcm(BRIEFING_HZ, 1), "music"),
                caps=TransferCaps(),
                clock=time.monotonic,
                now=lambda: START,
                due_again=lambda now: now + timedelta(minutes=30),
                done_after_seconds=1.0,
                on_end=ended.append,
            )
        )
        assert await backs.begin("cb-1", "anna") is CallBackStart.STARTED
        await agent.event("CALL_ESTABLISHED")
        assert tone_dbfs(await agent.heard(0.4), 8000, BRIEFING_HZ) > -40
        assert customer.count("CALL_INCOMING") == 0
        await agent.press("1")
        await customer.event("CALL_ESTABLISHED")
        to_customer = (await customer.heard(2.5))[-8000:]
        to_agent = (await agent.heard(5.0))[-8000:]
        await customer.hang_up()
        await agent.event("CALL_CLOSED")
        await eventually(lambda: bool(ended), "the end of calling back")
        assert tone_dbfs(to_customer, 8000, AGENT_HZ) > -30
        assert tone_dbfs(to_agent, 8000, CUSTOMER_HZ) > -30
        assert (ended[0].end, ended[0].failure) == (CallBackEnd.TALKED, None)
        assert {state.value for _, state in pool.agents()} == {"after_call"}
        (record,) = await claims.list(accessed_by="test", status=None)
        assert (record.status, record.outcome) == ("done", "talked")
        await backs.close()
        pool.close()
        await endpoint.close()
    await store.close()
    await claims.close()


async def _refuse(control: object) -> None:
    raise AssertionError("nobody calls us here")
