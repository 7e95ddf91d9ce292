"""Downloads against a real local HTTP server."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.model_hub import ModelHub, running_hub
from voicebot.errors import ModelDownloadFailed
from voicebot.model_catalogue import ModelFile
from voicebot.model_download import DiskFull, Downloader, SourceUnreachable

CONTENT = random.Random(1).randbytes(3_000_000)
FILE = ModelFile(path="model.bin", size=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def hub() -> Iterator[ModelHub]:
    with running_hub() as hub:
        hub.files["/model.bin"] = CONTENT
        yield hub


@pytest.fixture
def downloader() -> Iterator[Downloader]:
    downloader = Downloader(reach_seconds=2.0)
    yield downloader
    downloader.close()


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_fetches_checks_and_leaves_only_the_file(hub, downloader, tmp_path):
    downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    assert (tmp_path / "model.bin").read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["model.bin"]


def test_reports_progress_up_to_the_whole(hub, tmp_path):
    seen: list[tuple[str, int, int]] = []
    downloader = Downloader(lambda *step: seen.append(step))
    downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    downloader.close()
    assert seen[-1] == ("model.bin", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_wrong_checksum_is_refused_and_deleted(hub, downloader, tmp_path):
    hub.files["/model.bin"] = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    with pytest.raises(ModelDownloadFailed, match="checksum"):
        downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("served", [CONTENT[:-1], CONTENT + b"x"], ids=["short", "long"])
def test_wrong_size_is_refused_and_deleted(served, hub, downloader, tmp_path):
    hub.files["/model.bin"] = served
    with pytest.raises(ModelDownloadFailed, match="bytes"):
        downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    assert leftovers(tmp_path) == []


def test_broken_transfer_is_resumed_in_the_same_run(hub, downloader, tmp_path):
    hub.cut_after["/model.bin"] = [1_000_000, 500_000]
    downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    assert (tmp_path / "model.bin").read_bytes() == CONTENT
    assert hub.requests[0] == ("/model.bin", "")
    assert all(wanted.startswith("bytes=") for _, wanted in hub.requests[1:])


def test_half_download_is_resumed_in_the_next_run(hub, tmp_path):
    hub.cut_after["/model.bin"] = [600_000] + [0] * 20
    first = Downloader()
    with pytest.raises(ModelDownloadFailed, match="kept"):
        first.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    first.close()
    assert (tmp_path / "model.bin.part").stat().st_size == 600_000
    hub.cut_after.clear()
    hub.requests.clear()
    second = Downloader()
    second.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    second.close()
    assert hub.requests == [("/model.bin", "bytes=600000-")]
    assert (tmp_path / "model.bin").read_bytes() == CONTENT


def test_file_that_changed_on_the_server_is_fetched_anew(hub, downloader, tmp_path):
    hub.files["/model.bin"] = bytes(len(CONTENT))
    hub.cut_after["/model.bin"] = [700_000] + [0] * 20
    with pytest.raises(ModelDownloadFailed):
        downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    hub.files["/model.bin"] = CONTENT
    hub.cut_after.clear()
    downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    assert (tmp_path / "model.bin").read_bytes() == CONTENT


def test_server_without_ranges_sends_the_whole_again(hub, downloader, tmp_path):
    hub.ignores_range = True
    hub.cut_after["/model.bin"] = [900_000]
    downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    assert (tmp_path / "model.bin").read_bytes() == CONTENT


def test_part_of_another_source_is_not_continued(hub, downloader, tmp_path):
    (tmp_path / "model.bin.part").write_bytes(b"?" * 1000)
    (tmp_path / "model.bin.part.json").write_text('{"url": "http://elsewhere.invalid/model.bin", "etag": ""}')
    downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    assert hub.requests == [("/model.bin", "")]
    assert (tmp_path / "model.bin").read_bytes() == CONTENT


def test_complete_part_needs_no_request(hub, downloader, tmp_path):
    (tmp_path / "model.bin.part").write_bytes(CONTENT)
    (tmp_path / "model.bin.part.json").write_text(f'{{"url": "{hub.url}model.bin", "etag": ""}}')
    downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    assert hub.requests == []
    assert leftovers(tmp_path) == ["model.bin"]


def test_absent_file_is_a_clear_error(hub, downloader, tmp_path):
    with pytest.raises(ModelDownloadFailed, match="404"):
        downloader.fetch(hub.url + "other.bin", FILE, tmp_path / "other.bin")


def test_refused_connection_is_unreachable_and_the_host_is_asked_once(downloader, tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/model.bin"
        with pytest.raises(SourceUnreachable):
            downloader.fetch(url, FILE, tmp_path / "model.bin")
        with pytest.raises(SourceUnreachable, match="earlier in this run"):
            downloader.fetch(url, FILE, tmp_path / "model.bin")


def test_silent_host_costs_no_more_than_its_limit(hub, tmp_path):
    hub.hangs.clear()
    downloader = Downloader(reach_seconds=0.3)
    started = time.monotonic()
    with pytest.raises(SourceUnreachable, match=r"did not answer in 0\.3 s"):
        downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    with pytest.raises(SourceUnreachable):
        downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    assert time.monotonic() - started < 2.0
    assert len(hub.requests) == 1
    hub.hangs.set()
    downloader.close()


def test_too_little_room_is_said_before_anything_is_written(hub, downloader, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    with pytest.raises(DiskFull, match="MB more"):
        downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    assert leftovers(tmp_path) == []


def test_disk_that_fills_up_is_a_clear_error_and_nothing_is_lost(hub, downloader, tmp_path):
    (tmp_path / "other.bin").write_bytes(b"precious")
    os.symlink("/dev/full", tmp_path / "model.bin.part")  # every write there fails with ENOSPC
    with pytest.raises(DiskFull, match="disk full"):
        downloader.fetch(hub.url + "model.bin", FILE, tmp_path / "model.bin")
    assert (tmp_path / "other.bin").read_bytes() == b"precious"
    assert not (tmp_path / "model.bin").exists()
