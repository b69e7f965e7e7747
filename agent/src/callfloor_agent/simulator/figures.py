"""What a simulation counts, and how it tells of it: a line now and then, and a summary at the end."""

from __future__ import annotations

import collections

import msgspec


class Figures(msgspec.Struct):
    """What was counted so far; every event counts once, when the server has acknowledged it."""

    states: int = 0
    calls: int = 0
    """First revisions."""
    corrections: int = 0
    heartbeats: int = 0
    log_ins: int = 0
    requests: int = 0
    duplicates: int = 0
    """Events that the server had already: the answer to the first try was lost, or an earlier run told them."""
    rejected: int = 0
    failures: int = 0
    """Requests without an answer, or with one that says later."""
    waiting: int = 0
    ended: dict[str, int] = msgspec.field(default_factory=collections.Counter)
    """Devices that the server will not have, by the code it gave."""

    @property
    def acknowledged(self) -> int:
        """Return how many states and calls the server has."""
        return self.states + self.calls + self.corrections


class Progress(msgspec.Struct, frozen=True):
    """Where a simulation is.

    Args:
        simulated_at: the simulated time.
        simulated_hours: since the start.
        speed: simulated seconds in one second of the clock, from the start on.
        events_per_second: acknowledged since the last line.
        waiting: events that were not acknowledged yet.
        failures: requests so far without an answer, or with one that says later.
        is_cut: whether the simulated network is cut.
        is_history: whether calls of days that are over are written; the speed says nothing then.
    """

    simulated_at: str
    simulated_hours: float
    speed: float
    speed_asked: float
    events_per_second: float
    acknowledged: int
    waiting: int
    failures: int
    is_cut: bool
    is_history: bool

    def line(self) -> str:
        """Return it for people."""
        pace = "history" if self.is_history else f"speed {self.speed:.1f} of {self.speed_asked:g}"
        return (
            f"{self.simulated_at[:19]}Z  {self.simulated_hours:.2f} h  {pace}  "
            f"{self.events_per_second:.0f} events/s  {self.waiting} waiting{'  (network cut)' if self.is_cut else ''}"
        )


class Summary(msgspec.Struct, frozen=True):
    """What a simulation did; `is_complete`: nothing was left to happen or to send."""

    is_complete: bool
    devices: int
    simulated_from: str
    simulated_to: str
    speed: float
    speed_asked: float
    seconds: float
    history_days: int
    history_calls: int
    figures: Figures

    def text(self) -> str:
        """Return it for people."""
        figures = self.figures
        ended = ", ".join(f"{code} {count}" for code, count in sorted(figures.ended.items())) or "none"
        rows = {
            "simulated": f"{self.devices} devices from {self.simulated_from} to {self.simulated_to}",
            "speed": f"{self.speed:.1f} of {self.speed_asked:g}, {self.seconds:.0f} s",
            "history": f"{self.history_days} days, {self.history_calls} calls",
            "calls": f"{figures.calls}, corrected {figures.corrections}",
            "states": f"{figures.states}",
            "log-ins": f"{figures.log_ins}, heartbeats {figures.heartbeats}, requests {figures.requests}",
            "again": f"{figures.failures} requests failed for a time, {figures.duplicates} events were known",
            "refused": f"{figures.rejected} events; devices: {ended}",
            "waiting": f"{figures.waiting}" if self.is_complete else f"{figures.waiting}: stopped before the end",
        }
        return "\n".join(f"{name:10} {value}" for name, value in rows.items())


def reached(start: int, now: int, seconds: float) -> float:
    """Return the speed: simulated time (ms) by the clock's seconds."""
    return (now - start) / 1000 / seconds if seconds > 0 else 0.0
