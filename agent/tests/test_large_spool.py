"""A spool of 100,000 events: delivered each once, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent_support import DEADLINE_SECONDS
from agent_support.wire import SECRET, Wire, listening

pytestmark = pytest.mark.timeout(400)
COUNT = 100_000
GROWTH_MAX_KIB = 24 * 1024
FILL = """
import sys
from pathlib import Path
from callfloor_agent.clock import instant, wall_ms
from callfloor_agent.events import StateEvent, new_event_id
from callfloor_agent.recorder import Memory
from callfloor_agent.spool import Spool

spool, count = Spool(Path(sys.argv[1]) / "spool.db"), int(sys.argv[2])
began = wall_ms() - count
for first in range(0, count, 10_000):
    events = [StateEvent(new_event_id(), instant(began + first + n), "unhealthy", "x" * 100) for n in range(10_000)]
    spool.append(events, Memory(), is_stamped=True)
"""
DELIVER = """
import asyncio, json, resource, sys
from pathlib import Path
from callfloor_agent.agent import Agent
from callfloor_agent.settings import Settings

async def deliver():
    agent = Agent(Settings(server=sys.argv[1], state_dir=Path(sys.argv[2]), team_secret=sys.argv[3], audio=False))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while agent.spool.oldest(1):
        await agent.delivery.step()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"grown_kib": after - before, "delivered": agent.spool.counts().delivered}))
    await agent.api.close()
    agent.close()

asyncio.run(deliver())
"""


def test_a_hundred_thousand_events_are_delivered_each_once_in_bounded_memory(tmp_path: Path) -> None:
    wire = Wire()
    subprocess.run([sys.executable, "-c", FILL, str(tmp_path), str(COUNT)], check=True, timeout=3 * DEADLINE_SECONDS)

    with listening(wire) as url:
        run = subprocess.run(
            [sys.executable, "-c", DELIVER, url, str(tmp_path), SECRET],
            check=True,
            capture_output=True,
            text=True,
            timeout=3 * DEADLINE_SECONDS,
        )

    told = json.loads(run.stdout)
    assert (told["delivered"], len(wire.taken), sum(map(len, wire.batches))) == (COUNT, COUNT, COUNT)
    assert told["grown_kib"] <= GROWTH_MAX_KIB
