"""An address that is told of events."""

from __future__ import annotations

import datetime

from callfloor.foundation import clock
from callfloor_sdk import verify_webhook
from sdk_support.stage import Stage
from tests.factories.conversations import make_conversation


def be_told(stage: Stage) -> None:
    """Be told of a call until it is erased, and have deliveries sent again."""
    team, receiver = stage.installation.team(), stage.receiver
    since = datetime.datetime.fromtimestamp(clock.now() / 1000 - 60, tz=datetime.UTC)
    with stage.client(team) as client:
        made = client.webhooks.create(url=receiver.url, events=["call_analyzed"], description="CRM")
        hook = made.webhook.id
        known = {event.name for event in client.webhooks.list_events()}
        client.webhooks.change(hook, events=["call_analyzed", "call_erased"])
        call_id = make_conversation(stage.db, team)
        receiver.wait_for(1)
        client.erasures.request(conversation_ids=[call_id])
        came = receiver.wait_for(2)
        events = [verify_webhook(one.body, one.headers, made.secret) for one in came]
        tested = client.webhooks.test(hook)
        receiver.wait_for(3)
        stage.wait_until(lambda: client.webhooks.show_delivery(tested.id).delivery.state == "delivered")
        shown = client.webhooks.show_delivery(tested.id)
        again = client.webhooks.redeliver(tested.id)
        receiver.wait_for(4)
        stage.wait_until(lambda: client.webhooks.show_delivery(tested.id).attempts[1:] != [])
        stage.wait_until(lambda: not list(client.webhooks.list_deliveries(hook, state="pending")))
        many = client.webhooks.redeliver_many(hook, since=since, state="delivered")
        receiver.wait_for(4 + len(many.data))
        deliveries = [one.id for one in client.webhooks.list_deliveries(hook, limit=1)]
        fresh = client.webhooks.refresh_secret(hook, overlap_hours=1)
        paused = client.webhooks.change(hook, is_enabled=False, description=None)
        listed = [one.id for one in client.webhooks.list()]
        found = client.webhooks.get(hook)
        client.webhooks.delete(hook)
        left = list(client.webhooks.list())

    assert {"call_analyzed", "call_erased", "test"} <= known
    assert [event.event_type for event in events] == ["call_analyzed", "call_erased"]
    assert events[0].call is not None
    assert (events[0].call.id, events[1].call, events[1].data["id"]) == (call_id, None, call_id)
    assert (again.id, [attempt.status for attempt in shown.attempts]) == (tested.id, [200])
    assert tested.id in many.data
    assert set(many.data) <= set(deliveries)
    assert (fresh.webhook.previous_secret_ends_at is not None, fresh.secret != made.secret) == (True, True)
    assert (listed, found.description, paused.is_enabled, left) == ([hook], None, False, [])
