"""`/api/v2/webhooks`: made, shown without its secret, changed, deleted; no address leads inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from callfloor.access.tables import audit_entry
from callfloor.foundation.database import param
from callfloor.foundation.files import open_files
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.server.api_v2 import create_app
from callfloor.webhooks.tables import webhook_endpoint
from tests.portal_api.in_process import LoopTransport
from tests.webhooks.conftest import Floor
from tests.webhooks.receiver import Receiver

URL = "http://127.0.0.1:9/hook"
_trail = (
    select(audit_entry.c.action, audit_entry.c.before, audit_entry.c.after)
    .where(audit_entry.c.team_id == param("team"), audit_entry.c.object_kind == "webhook")
    .order_by(audit_entry.c.at, audit_entry.c.entry)
)
_secrets = select(webhook_endpoint.c.secret).where(webhook_endpoint.c.team_id == param("team"))


def code(answer: httpx.Response) -> tuple[int, str, list[str]]:
    body = answer.json()
    return answer.status_code, body["code"], [one["field"] for one in body.get("errors", ())]


def test_shows_its_secret_once(floor: Floor) -> None:
    made = floor.listen(URL, "seat_added", "call_analyzed")
    webhook = made["webhook"]["id"]

    assert len(bytes.fromhex(made["secret"])) == 32
    shown = floor.webhook(webhook)
    assert shown == made["webhook"]
    assert shown["events"] == ["call_analyzed", "seat_added"]
    listed = floor.http.get("/webhooks")
    assert listed.json()["data"] == [shown]
    assert made["secret"] not in listed.text
    kept = floor.services.db.read_now(lambda tx: tx.all(_secrets, {"team": floor.team.id}))
    assert bytes.fromhex(made["secret"]) not in kept[0][0]


def test_is_changed_and_deleted_and_all_of_it_is_noted(floor: Floor) -> None:
    webhook = floor.listen(URL)["webhook"]["id"]

    changed = floor.http.patch(f"/webhooks/{webhook}", json={"events": ["seat_added"], "is_enabled": False})
    floor.http.post(f"/webhooks/{webhook}/secret")
    deleted = floor.http.delete(f"/webhooks/{webhook}")

    assert changed.json()["events"] == ["seat_added"]
    assert deleted.status_code == 204
    assert code(floor.http.get(f"/webhooks/{webhook}"))[:2] == (404, "webhook_not_found")
    trail = floor.services.db.read_now(lambda tx: tx.all(_trail, {"team": floor.team.id}))
    assert [action for action, _, _ in trail] == [
        "webhook.created",
        "webhook.changed",
        "webhook.secret_refreshed",
        "webhook.deleted",
    ]
    assert trail[1][1:] == (
        {"events": ["call_analyzed"], "is_enabled": True},
        {"events": ["seat_added"], "is_enabled": False},
    )


def test_told_nothing_of_what_happened_before(floor: Floor) -> None:
    floor.publish("seat.added", "1")
    floor.now += 60_000
    webhook = floor.listen(URL, "seat_added")["webhook"]["id"]
    floor.tell()

    assert floor.deliveries(webhook) == []


def test_told_nothing_more_once_it_is_deleted(floor: Floor, receiver: Receiver) -> None:
    webhook = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
    floor.publish("seat.added", "1")
    floor.tell()
    floor.http.delete(f"/webhooks/{webhook}")
    floor.work()

    assert receiver.came == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "ftp://hooks.example/", "events": ["seat_added"]}, "url"),
        ({"url": "not an address", "events": ["seat_added"]}, "url"),
        ({"url": "http://169.254.169.254/", "events": ["seat_added"]}, "url"),
        ({"url": "http://10.1.2.3/", "events": ["seat_added"]}, "url"),
        ({"url": "https://[::ffff:10.1.2.3]/", "events": ["seat_added"]}, "url"),
        ({"url": "https://a:b@hooks.example/", "events": ["seat_added"]}, "url"),
        ({"url": URL, "events": ["seat_exploded"]}, "events"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL}, "events"),
    ],
)
def test_names_the_wrong_field(floor: Floor, body: dict[str, Any], field: str) -> None:
    assert code(floor.http.post("/webhooks", json=body)) == (422, "validation_error", [field])


def test_leads_to_no_private_address_and_by_no_plain_http_unless_a_setting_says_so(
    floor: Floor, services: Services, runner: Any
) -> None:
    """Also when it is sent: the setting may have been withdrawn since."""
    settings = Settings(data=services.settings.data, secret_key=services.settings.secret_key)
    strict = Services(settings, services.db, open_files(settings))
    transport = LoopTransport(create_app(strict), runner)
    http = httpx.Client(transport=transport, base_url=floor.http.base_url, headers=floor.http.headers)

    for url in (URL, "https://127.0.0.1/", "https://localhost/"):
        assert code(http.post("/webhooks", json={"url": url, "events": ["seat_added"]}))[2] == ["url"]

    webhook = floor.listen(URL, "seat_added")["webhook"]["id"]
    floor.publish("seat.added", "1")
    floor.tell()
    floor.services = strict
    floor.work()
    (delivery,) = floor.deliveries(webhook)
    attempt = floor.details(delivery["id"])["attempts"][0]
    assert (attempt["status"], attempt["error"]) == (None, "must begin with https://")


def test_has_at_most_fifty_in_a_team(floor: Floor) -> None:
    for _ in range(50):
        floor.listen(URL)

    answer = floor.http.post("/webhooks", json={"url": URL, "events": ["seat_added"]})

    assert code(answer)[:2] == (409, "too_many_webhooks")


def test_walks_deliveries_by_cursor(floor: Floor) -> None:
    webhook = floor.listen(URL, "seat_added")["webhook"]["id"]
    for subject in range(5):
        floor.publish("seat.added", str(subject))
    floor.tell()

    walked, query = list[str](), dict[str, str]()
    while True:
        page = floor.http.get(f"/webhooks/{webhook}/deliveries", params={"limit": "2", **query}).json()
        walked += [one["subject"] for one in page["data"]]
        if page["next_cursor"] is None:
            break
        query = {"cursor": page["next_cursor"]}

    assert walked == [f"seat {subject}" for subject in reversed(range(5))]
    assert floor.deliveries(webhook, state="failed") == []


def test_another_team_has_none_of_it(floor: Floor, make_floor: Callable[[], Floor]) -> None:
    webhook = floor.listen(URL, "seat_added")["webhook"]["id"]
    floor.publish("seat.added", "1")
    floor.tell()
    (delivery,) = floor.deliveries(webhook)
    other = make_floor().http

    for path in (f"/webhooks/{webhook}", f"/webhooks/{webhook}/deliveries", f"/webhook-deliveries/{delivery['id']}"):
        assert other.get(path).status_code == 404
    for path in (f"/webhooks/{webhook}/test", f"/webhook-deliveries/{delivery['id']}/redelivery"):
        assert other.post(path).status_code == 404
    assert other.delete(f"/webhooks/{webhook}").status_code == 404
