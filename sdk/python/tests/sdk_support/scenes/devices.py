"""Devices: managed, followed, added up."""

from __future__ import annotations

import datetime

from callfloor.foundation import clock
from sdk_support.stage import Stage
from tests.factories.devices import log_in, machine, make_device_team, try_log_in
from tests.factories.events import call, make_agent, state


def manage_devices(stage: Stage) -> None:
    """Name, block, free and sign out machines, one and many."""
    floor = make_device_team(stage.db, seats=3, hash_key=stage.installation.hash_key)
    ids = [log_in(stage.db, floor, machine(number)).device_id for number in range(3)]
    try_log_in(stage.db, floor, machine(0, hostname="clone"))
    with stage.client(floor.team) as client:
        (twice,) = client.devices.list(state="conflict")
        client.devices.settle_conflict(twice.id)
        settled = client.devices.get(twice.id)
        named = client.devices.nickname(ids[0], nickname="Front desk", if_match=settled.etag)
        blocked = client.devices.block(ids[0], reason="lost")
        client.devices.unblock(ids[0])
        let_in = client.devices.get(ids[0])
        client.devices.sign_out(ids[1])
        client.devices.unassign(ids[1])
        freed = client.devices.get(ids[1])
        tried = client.devices.change_many(action="block", device_ids=ids[2:], dry_run=True)
        done = client.devices.change_many(action="unassign", device_ids=ids[2:])
        secret = client.devices.rotate_secret()
        unseated = [device.id for device in client.devices.list(state="unseated", limit=1)]

    assert (twice.id, twice.conflict.hostname, settled.conflict) == (ids[0], "clone", None)
    assert (named.nickname, blocked.block.reason, let_in.block) == ("Front desk", "lost", None)
    assert freed.seat_id is None
    assert [row.result for row in tried.data] == [row.result for row in done.data] == ["changed"]
    assert secret.device_secret != floor.secret
    assert unseated == ids


def follow_devices(stage: Stage) -> None:
    """See what a machine does, did, and talked."""
    floor = make_device_team(stage.db, seats=1, hash_key=stage.installation.hash_key)
    agent = make_agent(stage.db, floor)
    before = datetime.datetime.fromtimestamp(clock.now() / 1000 - 60, tz=datetime.UTC)
    with stage.client(floor.team) as client, stage.installation.server.client() as http:
        snapshot = client.live.snapshot().first()
        messages = client.live.stream(after=snapshot.seq)
        ready = next(messages)
        agent.send(http, state("online"), call())
        told = next(message for message in messages if message.devices)
        messages.close()
        states = client.live.states(agent.device_id, from_=before)
        (history,) = client.live.history(from_=before)
        usage = client.usage.show(group_by="device")
        (row,) = client.usage.rows(group_by="language")
        lines = client.usage.export(group_by="username").read().decode().splitlines()

    assert [device.id for device in snapshot.data] == [agent.device_id]
    assert (ready.event, told.devices[0].id, told.devices[0].state) == ("ready", agent.device_id, "online")
    assert states.data[-1].state == "online"
    assert history.device_id == agent.device_id
    assert (usage.total.totals.calls, [leader.group.id for leader in usage.leaders]) == (1, [agent.device_id])
    assert (row.group.id, row.totals.calls, len(lines)) == ("en-US", 1, 2)
