import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from voicebot.dialogue.actions import TaskOutcome
from voicebot.errors import ConfigError
from voicebot.integrations.backend import BackendUnavailable, TimeLimitedBackend
from voicebot.integrations.demo import DemoBackend
from voicebot.integrations.demo_files import load_demo_data

FOLDER = Path(__file__).parents[2] / "config" / "demo"
NOW = datetime.fromisoformat("2026-11-24T10:00")


def not_on_sunday(branch: str, day: date) -> bool:
    return day.weekday() != 6


@pytest.fixture
def backend() -> DemoBackend:
    return DemoBackend(load_demo_data(FOLDER, NOW.date()), lambda: NOW, not_on_sunday)


async def test_order_status(backend):
    outcome = await backend.run("order_status", {"order_number": "53821"})
    assert outcome == TaskOutcome(
        "order_status",
        "done",
        {"order_number": "53821", "status": "shipped", "branch": "", "expected_on": "2026-11-25"},
    )


async def test_unknown_order(backend):
    outcome = await backend.run("order_status", {"order_number": "99999"})
    assert (outcome.status, outcome.values) == ("not_found", {"order_number": "99999"})


@pytest.mark.parametrize(
    ("number", "status"), [("1001", "done"), ("53821", "done"), ("1004", "refused"), ("9999", "not_found")]
)
async def test_password_reset_goes_to_the_address_on_file(backend, number, status):
    outcome = await backend.run("password_reset", {"number": number})
    assert (outcome.status, outcome.values) == (status, {})  # nothing to speak
    assert backend.resets == (["1001"] if status == "done" else [])


@pytest.mark.parametrize(
    "key",
    [{"reference": "204518"}, {"postcode": "3511 ab", "house_number": "12"}],
    ids=["reference", "address"],
)
async def test_an_appointment_is_found_with_free_moments(backend, key):
    outcome = await backend.run("find_appointment", key)
    assert outcome.status == "done"
    assert outcome.values["current"] == "2026-11-27T14:00"
    options = [datetime.fromisoformat(option) for option in outcome.values["options"].split(",")]
    assert len(options) == 3
    assert options == sorted(options)
    assert len({option.date() for option in options}) == 3
    assert all(option > NOW and not_on_sunday("", option.date()) for option in options)


async def test_free_moments_on_a_wanted_day_and_after_a_moment(backend):
    wanted = await backend.run("find_appointment", {"reference": "204518", "date": "2026-12-04"})
    assert wanted.values["options"] == "2026-12-04T09:30,2026-12-04T11:00,2026-12-04T14:00"
    later = await backend.run("find_appointment", {"reference": "204518", "after": "2026-12-01T11:00"})
    assert later.values["options"].startswith("2026-12-01T14:00")


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ({"reference": "000000"}, "not_found"),
        ({}, "not_found"),
        ({"postcode": "3511AB"}, "not_found"),
        ({"reference": "204600"}, "refused"),
    ],
)
async def test_appointments_that_cannot_be_moved(backend, key, status):
    assert (await backend.run("find_appointment", key)).status == status


async def test_moving_an_appointment_takes_the_moment(backend):
    move = {"reference": "204518", "to": "2026-12-01T11:00"}
    assert (await backend.run("move_appointment", move)).status == "done"
    assert (await backend.run("find_appointment", {"reference": "204518"})).values[
        "current"
    ] == "2026-12-01T11:00"
    taken = await backend.run("move_appointment", {"reference": "204519", "to": "2026-12-01T11:00"})
    assert taken.status == "not_found"


async def test_closed_days_cannot_be_taken(backend):
    outcome = await backend.run("move_appointment", {"reference": "204518", "to": "2026-11-29T11:00"})
    assert outcome.status == "not_found"


class Broken:
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def run(self, name, slots):
        raise self.error


@pytest.mark.parametrize("error", [BackendUnavailable("x"), OSError(), ValueError(), TimeoutError()])
async def test_trouble_becomes_unavailable(error):
    limited = TimeLimitedBackend(Broken(error))
    assert await limited.run("order_status", {}) == TaskOutcome("order_status", "unavailable")
    assert limited.unavailable == 1


async def test_a_backend_that_hangs_is_given_up():
    class Hanging:
        async def run(self, name, slots):
            await asyncio.Event().wait()

    assert (await TimeLimitedBackend(Hanging(), seconds=0.0).run("x", {})).status == "unavailable"


async def test_a_cancelled_call_is_not_mistaken_for_trouble():
    class Hanging:
        async def run(self, name, slots):
            await asyncio.Event().wait()

    task = asyncio.create_task(TimeLimitedBackend(Hanging()).run("x", {}))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_unknown_tasks_are_refused(backend):
    with pytest.raises(BackendUnavailable):
        await backend.run("launch_rocket", {})


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "- 1",
        "- { number: 53821, status: shipped }",
        '- { number: "53821", status: gone }',
        "- [",
        "- {}",
    ],
)
def test_mistakes_in_the_files_are_named(tmp_path, text):
    for name in ("orders", "customers", "appointments"):
        (tmp_path / f"{name}.yaml").write_text((FOLDER / f"{name}.yaml").read_text())
    (tmp_path / "orders.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_demo_data(tmp_path, datetime(2026, 11, 24, tzinfo=UTC).date())
    assert caught.value.file == tmp_path / "orders.yaml"
