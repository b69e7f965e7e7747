"""Adding a seat against a bare program that writes the same rows, and what it costs to have a charge settled.

    python -m benchmarks.adding [--database sqlite|postgresql] [--rounds 5] [--seconds 3] [--quick]

Programs and load have a core each. Of a card team every seat is a charge, and a job that settles it; of a team that
pays by invoice it is neither. The worker is off; afterwards it settles a number of charges by itself, and its own CPU
time is told for each.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy import func, select

from benchmarks import command, report
from benchmarks.load import Measured, Paths, measure
from benchmarks.processes import LOAD_CORE, SERVER_CORE, Server, pinned, serving
from benchmarks.report import Row, faster
from benchmarks.seats import bare
from benchmarks.seats_data import Seeded, database_server, seed
from callfloor.access.audit import OPERATOR
from callfloor.foundation import clock
from callfloor.foundation.database import Tx
from callfloor.foundation.jobs import Worker
from callfloor.foundation.services import open_services
from callfloor.foundation.settings import Settings
from callfloor.teams.payments import RecordingProvider, settle_kind
from callfloor.teams.seats import AddSeats, add_seats
from callfloor.teams.tables import Payment, settlement
from callfloor.teams.teams import SetBilling, set_billing

_SEATS = 10_000
_ADD = ('POST /api/v1/seats {"count":1}',)
_CONNECTIONS = 16
_WARM_SECONDS = 1
_UNIT = "CPU µs a request"
_POLL_SECONDS = 0.05
_settled = select(func.count()).select_from(settlement)


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: seconds a turn of each program, charges a round of the worker."""

    rounds: int = 5
    seconds: int = 3
    charges: int = 500


QUICK = Plan(seconds=1, charges=50)


def all_rows(database: str, plan: Plan) -> list[Row]:
    """Return every row of one database."""
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as name:
        folder = Path(name)
        with pinned(LOAD_CORE), database_server(database, folder) as url:
            seeded = seed(folder, "seeded", url, _SEATS)
            settling = seeded.copied("settling")
            found = _rounds(database, seeded, plan)
            charged = list(zip(found["by card"], found["bound"], strict=True))
            invoiced = list(zip(found["by card"], found["by invoice"], strict=True))
            settled = [(_settle(database, settling, plan), adding) for adding in found["by card"]]
    return [
        faster("POST /seats, a charge and its job", database, "bound", _UNIT, charged),
        faster("POST /seats, a charge and its job", database, "by invoice: neither", _UNIT, invoiced),
        faster("a charge settled by the worker", database, "its POST /seats", _UNIT, settled),
    ]


@contextlib.contextmanager
def _programs(seeded: Seeded) -> Iterator[dict[str, Server]]:
    invoiced = seeded.copied("invoice")
    with contextlib.closing(_Opened(invoiced)) as opened:
        command = SetBilling(seeded.team_id, Payment.INVOICE, activity_billing=True, actor=OPERATOR, now=clock.now())
        opened.services.db.write_now(functools.partial(set_billing, command=command))
    with contextlib.ExitStack() as stack:
        card, bound = seeded.copied("card"), seeded.copied("bound")
        yield {
            "by card": stack.enter_context(serving(card.data, card.database)),
            "by invoice": stack.enter_context(serving(invoiced.data, invoiced.database)),
            "bound": stack.enter_context(bare("bound", "benchmarks.bounds.adding:app", bound)),
        }


def _rounds(database: str, seeded: Seeded, plan: Plan) -> Mapping[str, list[float]]:
    """Return the CPU microseconds of a request of each program in each round."""
    paths = Paths.written(seeded.data.parent / "adding", _ADD)
    headers = {**seeded.headers, "Content-Type": "application/json"}
    with _programs(seeded) as programs:
        found: dict[str, list[float]] = {name: [] for name in programs}

        def turn(server: Server, seconds: int) -> Measured:
            return measure(server, paths, headers, seconds=seconds, connections=_CONNECTIONS)

        for server in programs.values():
            turn(server, _WARM_SECONDS)
        for number in range(plan.rounds):
            for name in list(programs) if number % 2 else list(programs)[::-1]:
                report.progress(f"{database}: round {number + 1} of {plan.rounds}, {name}")
                found[name].append(1e6 / turn(programs[name], plan.seconds).per_cpu_second)
    return found


class _Opened:
    """The services of a seeded database, in this process."""

    def __init__(self, seeded: Seeded) -> None:
        self.services = open_services(Settings.model_validate({"data": seeded.data, "database": seeded.database}))

    def close(self) -> None:
        """Let go of them."""
        self.services.close_now()


def _settle(database: str, seeded: Seeded, plan: Plan) -> float:
    """Return the CPU microseconds that a worker takes for a charge; how it was made is not counted."""
    report.progress(f"{database}: {plan.charges} charges to settle")
    with contextlib.closing(_Opened(seeded)) as opened, pinned(SERVER_CORE):
        services = opened.services
        before = services.db.read_now(_count_settled)
        for _ in range(plan.charges):
            command = AddSeats(seeded.team_id, 1, OPERATOR, clock.now())
            services.db.write_now(functools.partial(add_seats, command=command))
        worker = Worker(
            services, [settle_kind(RecordingProvider())], concurrency={"default": 4}, owner="bench", schedules=()
        )
        begun = time.process_time()
        worker.start()
        while services.db.read_now(_count_settled) - before < plan.charges:
            time.sleep(_POLL_SECONDS)
        took = time.process_time() - begun
        worker.stop(within_seconds=10)
    return took / plan.charges * 1e6


def _count_settled(tx: Tx) -> int:
    row = tx.one(_settled)
    return row[0] if row else 0


def main() -> int:
    """Measure and print."""
    return command.run(
        "adding", "Adding a seat against its bound, and what its charge costs.", all_rows, full=Plan(), quick=QUICK
    )


if __name__ == "__main__":
    sys.exit(main())
