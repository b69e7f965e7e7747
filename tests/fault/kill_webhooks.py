"""Kill workers with SIGKILL at every step of telling an endpoint, and see that it is told of all, in order.

    python -m tests.fault.kill_webhooks --database URL [--kills 200] [--seed 1]

The database must be migrated and not be used by anything else. Prints one table; ends with 1 when an event was not
told, an id came with other bytes or a wrong signature, a subject's events came out of order, or a delivery is stuck.
"""

from __future__ import annotations

import collections
import functools
import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from random import Random

from sqlalchemy import func, select
from standardwebhooks import Webhook

from callfloor.access.audit import OPERATOR
from callfloor.access.secrets import encrypted
from callfloor.foundation import clock
from callfloor.foundation.database import Database, Tx, open_database
from callfloor.foundation.outbox import Event, publish
from callfloor.teams.teams import Team
from callfloor.webhooks.endpoints import CreateEndpoint, create_endpoint
from callfloor.webhooks.jobs import secret_context
from callfloor.webhooks.signing import new_secret_bytes, standard_secret
from callfloor.webhooks.tables import webhook_attempt, webhook_delivery
from tests.factories.teams import make_team
from tests.fault import webhook_worker
from tests.fault.killing import Crew, pause
from tests.fault.trials import kill_until, let_end, print_trial, run_asked
from tests.webhooks.receiver import Came, Receiver

PLACES = 2
SUBJECTS = 20
AHEAD = 40
"""Events that may wait to be told."""

_d, _a = webhook_delivery.c, webhook_attempt.c
_states = select(_d.state, func.count()).group_by(_d.state)
_attempts = select(func.count()).select_from(webhook_attempt).where(_a.status == 200)


class Trial:
    """One run against one database."""

    def __init__(self, url: str, data: Path, *, kills: int, seed: int) -> None:
        self._db = open_database(url)
        self._kills = kills
        self._random = Random(seed)  # noqa: S311  # a seed makes a run again
        self._receiver = Receiver()
        self._team = make_team(self._db)
        self._secret = new_secret_bytes()
        listen(self._db, self._team, self._receiver.url, self._secret, data)
        self._crew = Crew(
            partial(webhook_worker.run, url, str(data)),
            places=PLACES,
            steps=webhook_worker.STEPS,
            random=self._random,
        )
        self._published: collections.Counter[str] = collections.Counter()

    def run(self) -> bool:
        """Kill, let the rest be told, look; returns whether all is well."""
        began = time.monotonic()
        kill_until(lambda: self._crew.kills.total() >= self._kills, [self._crew], self._publish_some)
        let_end(self._crew, lambda: not self._waiting(), places=1)
        self._receiver.close()
        is_well = self._report(began)
        self._db.close_now()
        return is_well

    def _publish_some(self) -> None:
        if self._published.total() - len(self._ids()) < AHEAD:
            self._publish()
        pause(0.01)

    def _publish(self) -> None:
        subject = str(self._random.randrange(SUBJECTS))
        self._published[subject] += 1
        payload = {"number": self._published[subject], "text": "Zoë ☎"}
        event = Event("seat.added", self._team.id, subject, payload, clock.now())
        self._db.write_now(functools.partial(publish, event=event))

    def _ids(self) -> dict[str, Came]:
        """Return what came first under each id."""
        first: dict[str, Came] = {}
        for one in list(self._receiver.came):
            first.setdefault(one.headers["webhook-id"], one)
        return first

    def _waiting(self) -> int:
        delivered = dict(self._db.read_now(lambda tx: tx.all(_states))).get("delivered", 0)
        return self._published.total() - int(delivered)

    def _report(self, began: float) -> bool:
        came, first = self._receiver.came, self._ids()
        told: dict[str, list[int]] = collections.defaultdict(list)
        for one in first.values():
            seat = json.loads(one.body)["seat"]
            told[seat["id"]].append(seat["number"])
        changed = [one for one in came if one.body != first[one.headers["webhook-id"]].body]
        unsigned = [one for one in came if not is_signed(one, self._secret)]
        lost = sum(count != len(told[subject]) for subject, count in self._published.items())
        disordered = [subject for subject, numbers in told.items() if numbers != sorted(numbers)]
        states = dict(self._db.read_now(lambda tx: tx.all(_states)))
        attempts = self._db.read_now(written)
        wrong = {
            "subjects with an event that was not told": lost,
            "requests with other bytes than the first of their id": len(changed),
            "requests with a wrong signature": len(unsigned),
            "subjects told out of order": len(disordered),
            "deliveries that are not delivered": sum(states.values()) - states.get("delivered", 0),
            "deliveries without exactly one attempt that was taken": abs(attempts - len(first)),
        }
        print_trial(
            self._db,
            began,
            {"": self._crew},
            [
                ("events", self._published.total()),
                ("requests, of these repeats", f"{len(came)}, {len(came) - len(first)}"),
                *wrong.items(),
            ],
        )
        return not any(wrong.values())


def listen(db: Database, team: Team, url: str, secret: bytes, data: Path) -> None:
    """Make an endpoint of the team."""
    key = webhook_worker.settings_of(data).hash_key
    kept = encrypted(secret, key=key, context=secret_context(team.id))
    command = CreateEndpoint(team.id, url, ["seat_added"], None, kept, OPERATOR, clock.now())
    db.write_now(functools.partial(create_endpoint, command=command))


def is_signed(one: Came, secret: bytes) -> bool:
    """Return whether a verifier of Standard Webhooks takes it."""
    try:
        Webhook(standard_secret(secret)).verify(one.body, one.headers)
    except Exception:  # noqa: BLE001  # whatever it says: it does not take it
        return False
    return True


def written(tx: Tx) -> int:
    """Return how many attempts are written down that were taken."""
    ((count,),) = tx.all(_attempts)
    return int(count)


def trial(url: str, *, kills: int, seed: int) -> bool:
    """Run one trial; returns whether all is well."""
    with tempfile.TemporaryDirectory() as folder:
        return Trial(url, Path(folder), kills=kills, seed=seed).run()


if __name__ == "__main__":
    sys.exit(run_asked(__doc__, webhook_worker.__name__, trial))
