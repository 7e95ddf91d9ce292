"""Starts that cannot succeed: models that are cut off or altered, and a taken port."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from tests.interop.calling import WEIGHTS, require_models, run_command
from tests.peers.ports import LOOPBACK, free_port

pytestmark = [pytest.mark.interop, pytest.mark.models]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """The real weights by links, so that a test can replace one file."""
    require_models()
    folder = tmp_path / "weights"
    for model in (one for one in WEIGHTS.iterdir() if one.is_dir() and not one.name.startswith(".")):
        (folder / model.name).mkdir(parents=True)
        for file in model.iterdir():
            (folder / model.name / file.name).symlink_to(file)
    return folder


@pytest.fixture
def environment(tmp_path: Path, weights: Path) -> dict[str, str]:
    ports = {name: str(free_port()) for name in ("SIP", "GATEWAY", "CONTROL")}
    return {
        "VOICEBOT_SPEECH__WEIGHTS_DIR": str(weights),
        "VOICEBOT_SIP__HOST": LOOPBACK,
        "VOICEBOT_GATEWAY__HOST": LOOPBACK,
        "VOICEBOT_GATEWAY__TOKEN": "test-token",
        "VOICEBOT_STORAGE__URL": f"sqlite+aiosqlite:///{tmp_path}/voicebot.db",
        "VOICEBOT_STORAGE__SPOOL_DIR": str(tmp_path / "spool"),
        "VOICEBOT_STORAGE__KEY_FILE": str(tmp_path / "key"),
        **{f"VOICEBOT_{name}__PORT": port for name, port in ports.items()},
    }


def replace(file: Path, content: bytes) -> None:
    file.unlink()
    file.write_bytes(content)


async def both(environment: dict[str, str]) -> tuple[int, str, int, str]:
    """Run check and serve: exit code and what was said, of each."""
    (checked, found, _), (served, _, error) = await asyncio.gather(
        run_command("check", "--json", environment=environment),
        run_command("serve", "--json", environment=environment),
    )
    wrong = [finding for finding in found["findings"] if finding["level"] == "wrong"]
    assert "Traceback" not in error
    return checked, str(wrong), served, error


async def test_a_model_is_cut_off(environment: dict[str, str], weights: Path) -> None:
    replace(weights / "silero-vad-v6" / "silero_vad_v6.onnx", bytes(1000))
    checked, wrong, served, error = await both(environment)
    assert (checked, served) == (3, 3)
    assert "wrong size" in wrong
    assert "voicebot models pull" in wrong
    assert "voicebot models pull" in error


@pytest.mark.parametrize("name", ["whisper-base/model.bin", "silero-vad-v6/silero_vad_v6.onnx"])
async def test_a_model_is_altered(environment: dict[str, str], weights: Path, name: str) -> None:
    """The size is right: only loading it, or its checksum, tells."""
    file = weights / name
    replace(file, bytes(file.stat().st_size))
    checked, wrong, served, error = await both(environment)
    assert (checked, served) == (3, 1)
    assert "wrong checksum" in wrong
    assert "remove" in wrong
    assert "voicebot models verify" in error


async def test_a_port_is_taken(environment: dict[str, str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((LOOPBACK, int(environment["VOICEBOT_SIP__PORT"])))
        checked, wrong, served, error = await both(environment)
    assert (checked, served) == (1, 1)
    assert "sip.port" in wrong
    assert f"port {environment['VOICEBOT_SIP__PORT']}" in error
