"""Keys: where they come from, what they open."""

from __future__ import annotations

import base64
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import ConfigError
from voicebot.privacy.encryption import (
    KEY_BYTES,
    Cipher,
    UndecipherableError,
    load_or_create_key,
    parse_keys,
)

OLD, NEW = b"o" * KEY_BYTES, b"n" * KEY_BYTES


@given(st.text(), st.text())
def test_what_is_sealed_opens_in_its_place_only(text: str, place: str) -> None:
    cipher = Cipher((OLD,))
    sealed = cipher.seal(text, place)
    assert cipher.open(sealed, place) == text
    with pytest.raises(UndecipherableError):
        cipher.open(sealed, place + "!")


def test_sealing_twice_differs_and_any_change_is_found() -> None:
    cipher = Cipher((OLD,))
    one, other = cipher.seal("text", "here"), cipher.seal("text", "here")
    assert one.data != other.data
    for place in range(len(one.data)):
        changed = bytearray(one.data)
        changed[place] ^= 1
        with pytest.raises(UndecipherableError):
            cipher.open(replace(one, data=bytes(changed)), "here")
    for length in (0, 5, 12, 20):
        with pytest.raises(UndecipherableError):
            cipher.open(replace(one, data=one.data[:length]), "here")


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    before, after = Cipher((OLD,)), Cipher((OLD, NEW))
    assert after.open(before.seal("text", "x"), "x") == "text"
    assert after.seal("text", "x").key_id == Cipher((NEW,)).key_id
    with pytest.raises(UndecipherableError):
        before.open(after.seal("text", "x"), "x")
    assert before.digest("0301234567", "caller") in after.digests("0301234567", "caller")
    assert after.digest("0301234567", "caller") != before.digest("0301234567", "caller")
    assert after.digest("a", "caller") != after.digest("a", "audit")


def test_the_key_file_is_made_once_private_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "var" / "transcripts.key"
    first = load_or_create_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_bytes()
    assert load_or_create_key(path).open(first.seal("text", "x"), "x") == "text"
    assert path.read_bytes() == content
    assert [entry.name for entry in path.parent.iterdir()] == ["transcripts.key"]


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    found: list[str] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        found.append(load_or_create_key(tmp_path / "key").key_id)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    load_or_create_key(path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_or_create_key(path)


def test_a_key_ring_is_read_from_text_and_its_mistakes_are_named() -> None:
    ring = "\n".join(
        ["# two keys", base64.b64encode(OLD).decode(), base64.b64encode(NEW).decode() + " # now"]
    )
    assert parse_keys(ring).key_id == Cipher((NEW,)).key_id
    with pytest.raises(ConfigError) as wrong:
        parse_keys(f"{base64.b64encode(OLD).decode()}\nshort", Path("ring"))
    assert (wrong.value.line, wrong.value.file) == (2, Path("ring"))
    assert "short" not in str(wrong.value)
    with pytest.raises(ConfigError):
        parse_keys("")
