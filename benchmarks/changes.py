"""Changes states of devices at an even pace, by the verbs that the server's ingest calls.

    python -m benchmarks.changes DATABASE DEVICES PER_SECOND SECONDS

Prints one JSON line: how many changes were written, the CPU time and the time of the clock they took.
"""

from __future__ import annotations

import random
import sys
import time

import msgspec
from sqlalchemy import func, select

from callfloor.devices.leases import lock_devices, renew_leases
from callfloor.devices.tables import device
from callfloor.foundation import clock
from callfloor.foundation.database import Tx, open_database
from callfloor.foundation.ids import new_id
from callfloor.live.presence import OngoingCall, Sound, StateReport, apply_reports
from callfloor.live.tables import State

BATCHES_PER_SECOND = 10
_team = select(func.min(device.c.team_id))
_STATES = (State.ONLINE, State.IN_CALL, State.UNHEALTHY, State.UNAVAILABLE)
_HEADSETS = ("Jabra Evolve2 65", "Poly Blackwire 5220", "Headset (Realtek Audio)", "Logitech Zone Wired")


def write(database: str, devices: int, per_second: int, seconds: int) -> dict[str, float]:
    """Write the changes, each batch at its time, or at once when it is late."""
    db = open_database(database)
    dice = random.Random(devices)
    ((team_id,),) = db.read_now(lambda tx: tx.all(_team))
    began, cpu, written = time.perf_counter(), time.process_time(), 0
    for batch in range(BATCHES_PER_SECOND * seconds):
        time.sleep(max(0.0, began + batch / BATCHES_PER_SECOND - time.perf_counter()))
        ids = dice.sample(range(1, devices + 1), per_second // BATCHES_PER_SECOND)
        reports, now = [_report(one, dice) for one in ids], clock.now()

        def verb(tx: Tx, ids: list[int] = ids, reports: list[StateReport] = reports, now: int = now) -> None:
            lock_devices(tx, team_id, ids)
            apply_reports(tx, team_id, reports, now=now)
            renew_leases(tx, team_id, ids, now=now)

        db.write_now(verb)
        written += len(ids)
    cost = {"cpu": time.process_time() - cpu, "seconds": time.perf_counter() - began}
    db.close_now()
    return {"changes": written, **cost}


def _report(device_id: int, dice: random.Random) -> StateReport:
    state, at = dice.choice(_STATES), clock.now()
    call = OngoingCall("Softphone", at) if state == State.IN_CALL else None
    mic, speaker = (Sound(dice.choice(_HEADSETS), dice.random() < 0.3, dice.random() < 0.7, False) for _ in range(2))
    return StateReport(device_id, new_id(), at, state, None, call, mic, speaker)


if __name__ == "__main__":
    print(msgspec.json.encode(write(sys.argv[1], *map(int, sys.argv[2:]))).decode())
