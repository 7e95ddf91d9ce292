"""The demo organisation's systems, in memory: orders, customers and appointments from config/demo/*.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from voicebot.dialogue.actions import TaskOutcome
from voicebot.integrations.backend import BackendUnavailable

MAX_OPTIONS = 3
DAYS_AHEAD = 28
SLOT_TIMES = (time(9, 30), time(11, 0), time(14, 0), time(15, 30))
"""Start of each workshop appointment on a day that it is open."""


@dataclass(frozen=True, slots=True)
class Order:
    """`status`: received, processing, ready_for_pickup, shipped, delivered, delayed, cancelled.

    `expected_in_days`: days from today, None when unknown. `branch`: where it can be picked up, or ''.
    """

    number: str
    status: str
    expected_in_days: int | None = None
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer with an account. `is_blocked`: a reset must be done by a person."""

    number: str
    order_numbers: tuple[str, ...] = ()
    is_blocked: bool = False


@dataclass(frozen=True, slots=True)
class Appointment:
    """A workshop appointment. `moment`: local time. `postcode` without space, upper case."""

    reference: str
    moment: datetime
    branch: str
    postcode: str
    house_number: str
    can_be_moved: bool = True


@dataclass(frozen=True, slots=True)
class DemoData:
    """All that the demo systems know at their start."""

    orders: tuple[Order, ...]
    customers: tuple[Customer, ...]
    appointments: tuple[Appointment, ...]


class DemoBackend:
    """Implements `Backend`. `now` returns local time; `is_open(branch, day)` says when the workshop works.

    `resets` holds the customer numbers to which a link would have been sent, oldest first, the last 100.
    """

    def __init__(
        self, data: DemoData, now: Callable[[], datetime], is_open: Callable[[str, date], bool]
    ) -> None:
        self._now, self._is_open = now, is_open
        self._orders = {order.number: order for order in data.orders}
        self._customers = {customer.number: customer for customer in data.customers}
        self._by_order = {order: c for c in data.customers for order in c.order_numbers}
        self._appointments = {each.reference: each for each in data.appointments}
        self.resets: list[str] = []

    async def run(self, name: str, slots: Mapping[str, str]) -> TaskOutcome:
        """Run a task. Raises BackendUnavailable for one that is not known here."""
        tasks = {
            "order_status": self._order_status,
            "password_reset": self._password_reset,
            "find_appointment": self._find_appointment,
            "move_appointment": self._move_appointment,
        }
        if name not in tasks:
            raise BackendUnavailable(f"no task '{name}' here")
        return tasks[name](slots)

    def _order_status(self, slots: Mapping[str, str]) -> TaskOutcome:
        number = slots.get("order_number", "")
        order = self._orders.get(number)
        if order is None:
            return TaskOutcome("order_status", "not_found", {"order_number": number})
        values = {"order_number": number, "status": order.status, "branch": order.branch}
        if order.expected_in_days is not None:
            values["expected_on"] = (self._now().date() + timedelta(days=order.expected_in_days)).isoformat()
        return TaskOutcome("order_status", "done", values)

    def _password_reset(self, slots: Mapping[str, str]) -> TaskOutcome:
        number = slots.get("number", "")
        customer = self._customers.get(number) or self._by_order.get(number)
        if customer is None:
            return TaskOutcome("password_reset", "not_found")
        if customer.is_blocked:
            return TaskOutcome("password_reset", "refused")
        self.resets = [*self.resets[-99:], customer.number]
        return TaskOutcome("password_reset", "done")

    def _find(self, slots: Mapping[str, str]) -> Appointment | None:
        if reference := slots.get("reference"):
            return self._appointments.get(reference)
        postcode = slots.get("postcode", "").replace(" ", "").upper()
        key = (postcode, slots.get("house_number", ""))
        found = [each for each in self._appointments.values() if (each.postcode, each.house_number) == key]
        return min(found, key=lambda each: each.moment) if all(key) and found else None

    def _find_appointment(self, slots: Mapping[str, str]) -> TaskOutcome:
        appointment = self._find(slots)
        if appointment is None:
            return TaskOutcome("find_appointment", "not_found")
        if not appointment.can_be_moved:
            return TaskOutcome("find_appointment", "refused")
        options = self._free(appointment, slots.get("date", ""), slots.get("after", ""))
        return TaskOutcome(
            "find_appointment",
            "done",
            {
                "reference": appointment.reference,
                "current": appointment.moment.isoformat(timespec="minutes"),
                "branch": appointment.branch,
                "options": ",".join(option.isoformat(timespec="minutes") for option in options),
            },
        )

    def _free(self, appointment: Appointment, wanted: str, after: str) -> tuple[datetime, ...]:
        """Return free moments: on the wanted day or else from then on, after `after` when given."""
        first = self._now().date() + timedelta(days=1)
        if wanted:
            first = max(first, date.fromisoformat(wanted))
        earliest = datetime.fromisoformat(after) if after else None
        taken = {each.moment for each in self._appointments.values() if each.branch == appointment.branch}
        per_day = MAX_OPTIONS if wanted else 1
        options: list[datetime] = []
        for ahead in range(DAYS_AHEAD):
            day = first + timedelta(days=ahead)
            if not self._is_open(appointment.branch, day):
                continue
            free = [datetime.combine(day, start) for start in SLOT_TIMES]
            free = [each for each in free if each not in taken and (earliest is None or each > earliest)]
            options += free[:per_day]
            if len(options) >= MAX_OPTIONS or (wanted and options):
                break
        return tuple(options[:MAX_OPTIONS])

    def _move_appointment(self, slots: Mapping[str, str]) -> TaskOutcome:
        appointment = self._appointments.get(slots.get("reference", ""))
        if appointment is None:
            return TaskOutcome("move_appointment", "refused")
        moment = datetime.fromisoformat(slots["to"])
        taken = {e.moment for e in self._appointments.values() if e.branch == appointment.branch}
        if moment in taken or not self._is_open(appointment.branch, moment.date()):
            return TaskOutcome("move_appointment", "not_found")
        self._appointments[appointment.reference] = replace(appointment, moment=moment)
        return TaskOutcome("move_appointment", "done", {"moment": moment.isoformat(timespec="minutes")})
