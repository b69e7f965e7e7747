"""No team's backlog keeps another team waiting, and finding the next job costs the same in any line."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import Executable, text
from sqlalchemy.dialects import postgresql, sqlite

from callfloor.foundation.database import Tx, open_database
from callfloor.foundation.jobs import Enqueue, JobKind, RunningJob, enqueue, enqueue_all
from callfloor.foundation.jobs.claiming import claim, head
from callfloor.foundation.jobs.queueing import due, end_of_share, head_of_line
from callfloor.foundation.jobs.testing import OnlyDatabase, drain
from tests.foundation.jobs.looking import NOON, added

ADA, BEN, CLEO = 1, 2, 3


class Order:
    """Runs jobs and remembers whose they were."""

    def __init__(self) -> None:
        self.teams: list[int | None] = []

    def handler(self, job: RunningJob, _services: OnlyDatabase) -> None:
        self.teams.append(job.team_id)


def add(services: OnlyDatabase, team_id: int, count: int) -> None:
    orders = [Enqueue(kind="work", args={}, team_id=team_id, now=NOON) for _ in range(count)]
    services.db.write_now(partial(enqueue_all, orders=orders))


def run(services: OnlyDatabase, count: int) -> None:
    for _ in range(count):
        services.db.write_now(partial(claim, queue="default", count=1, owner="w", now=NOON, until=NOON + 60_000))


class TestFairShares:
    def test_a_late_team_takes_turns_with_a_backlog(self, services: OnlyDatabase) -> None:
        order = Order()
        add(services, ADA, 20)
        add(services, BEN, 3)

        drain(services, [JobKind("work", order.handler)], now=NOON)

        assert order.teams[:6].count(BEN) == 3
        assert order.teams[6:] == [ADA] * 17

    def test_three_teams_get_a_third_each(self, services: OnlyDatabase) -> None:
        order = Order()
        for team in (ADA, BEN, CLEO):
            add(services, team, 10)

        drain(services, [JobKind("work", order.handler)], now=NOON)

        thirds = [set(order.teams[i : i + 3]) for i in range(0, 30, 3)]
        assert thirds == [{ADA, BEN, CLEO}] * 10

    def test_what_ran_while_nobody_else_waited_is_not_held_against_a_team(self, services: OnlyDatabase) -> None:
        order = Order()
        add(services, ADA, 30)
        run(services, 20)
        add(services, BEN, 30)

        drain(services, [JobKind("work", order.handler)], now=NOON)

        assert order.teams[:20].count(ADA) == 10

    def test_retries_of_one_team_come_into_line_beside_others(self, services: OnlyDatabase) -> None:
        order = Order()
        for _ in range(10):
            added(services, team_id=ADA, run_at=NOON + 1)
        for _ in range(2):
            added(services, team_id=BEN, run_at=NOON + 2)

        drain(services, [JobKind("work", order.handler)], now=NOON + 2)

        assert order.teams[:4].count(BEN) == 2


def backlog_of_one_team(tx: Tx) -> None:
    tx.run(
        text(
            "INSERT INTO job (id, team_id, share, kind, queue, args, priority, state, turn, run_at, attempt, claim,"
            " cancel_requested, errors, created_at)"
            " WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 100000)"
            " SELECT 'backlog-' || i, 1, 1, 'work', 'default', '{}', 5, 'available', i, 1700049600000, 0, 0, false,"
            " '[]', 1700049600000 FROM n"
        )
    )


def plan_of(tx: Tx, statement: Executable, params: dict[str, Any], *, name: str) -> str:
    dialect = postgresql.dialect() if name == "postgresql" else sqlite.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    bound = statement.params(params)  # type: ignore[attr-defined]  # every Executable has it
    sql = str(bound.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    explain = "EXPLAIN" if name == "postgresql" else "EXPLAIN QUERY PLAN"
    return "\n".join(str(row) for row in tx.all(text(f"{explain} {sql}")))


WALKS: tuple[tuple[Executable, dict[str, Any], str], ...] = (
    (head, {"in_queue": "default", "count": 4}, "ix_job_line"),
    (head_of_line, {"in_queue": "default", "of_priority": 5}, "ix_job_line"),
    (end_of_share, {"in_queue": "default", "of_priority": 5, "of_share": ADA}, "ix_job_share"),
    (due, {"until": NOON, "count": 500}, "ix_job_waiting"),
)


class TestLongLine:
    def test_keeps_nobody_waiting_and_is_walked_from_one_end_of_an_index(self, fresh_database_url: str) -> None:
        db = open_database(fresh_database_url)
        db.write_now(backlog_of_one_team)
        db.write_now(lambda tx: tx.run(text("ANALYZE")))
        order = Enqueue(kind="work", args={}, team_id=BEN, now=NOON)
        db.write_now(partial(enqueue, order=order))

        plans = [
            (index, db.read_now(partial(plan_of, statement=statement, params=params, name=db.name)))
            for statement, params, index in WALKS
        ]
        claimed = db.write_now(partial(claim, queue="default", count=2, owner="w", now=NOON, until=NOON + 60_000))
        db.close_now()

        for index, plan in plans:
            assert index in plan
            assert "Sort" not in plan
            assert "TEMP B-TREE" not in plan
        assert order.id in {job.id for job in claimed}
