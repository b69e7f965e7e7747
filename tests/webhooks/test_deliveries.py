"""What an endpoint is sent, how it is signed, and what follows from its answer."""

from __future__ import annotations

import email.utils
import hashlib
import hmac
import itertools
import json
import socketserver
import threading

import pytest
from jsonschema import Draft202012Validator, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment
from callfloor.webhooks.catalog import CATALOG
from callfloor.webhooks.deliveries import RETRIED_FOR
from tests.factories.conversations import make_conversation
from tests.webhooks.conftest import Floor
from tests.webhooks.receiver import DEADLINE_SECONDS, Came, Receiver, refuse

SAID = (Segment("Ben", 0, 1000, "Hello."),)


def verify_as_the_original_says(came: Came, secret: str) -> bool:
    """Verify as an integration written from the contract alone: hex HMAC, key from hex, timestamp + raw body."""
    message = came.headers["kickscale-signature-timestamp"].encode() + came.body
    expected = hmac.new(bytes.fromhex(secret), message, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, came.headers["kickscale-signature-hash"])


class TestContent:
    @pytest.mark.parametrize("kind", ConversationKind)
    def test_is_the_record_of_the_conversation(self, floor: Floor, receiver: Receiver, kind: ConversationKind) -> None:
        floor.listen(receiver.url, f"{kind.value}_analyzed")
        conversation = make_conversation(floor.services.db, floor.team, kind=kind, transcript=SAID)
        floor.tell()
        floor.work(minutes=1)

        body = json.loads(receiver.came[0].body)

        assert body.keys() == {"eventType", kind.value}
        assert body["eventType"] == f"{kind.value}_analyzed"
        record = body[kind.value]
        assert (record["id"], record["clientId"]) == (conversation, floor.team.client_id)
        assert record["processingStatus"] == "analyzed"
        assert {"participants", "metrics", "insights", "crmReference", "recordingConsent"} <= record.keys()

    def test_is_what_changed_of_anything_else(self, floor: Floor, receiver: Receiver) -> None:
        floor.listen(receiver.url, "seat_added")
        floor.publish("seat.added", "12", count=3, ends_at=0, freed_at=None, since=1500)
        floor.tell()
        floor.work()

        body = json.loads(receiver.came[0].body)

        assert body["eventType"] == "seat_added"
        del body["seat"]["occurred_at"]
        instants = {"ends_at": "1970-01-01T00:00:00.000Z", "freed_at": None, "since": "1970-01-01T00:00:01.500Z"}
        assert body["seat"] == {"id": "12", "count": 3, **instants}

    def test_goes_only_to_who_wants_it(self, floor: Floor, receiver: Receiver) -> None:
        seats = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
        calls = floor.listen(receiver.url, "call_received", "call_failed")["webhook"]["id"]
        floor.publish("seat.added", "1")
        floor.publish("team.renamed", "1")
        floor.tell()

        assert len(floor.deliveries(seats)) == 1
        assert floor.deliveries(calls) == []

    def test_fits_its_schema_in_the_catalog(self, floor: Floor, receiver: Receiver) -> None:
        shown = {one["name"]: one["body_schema"] for one in floor.http.get("/webhook-events").json()["data"]}
        assert set(CATALOG) < set(shown)

        floor.listen(receiver.url, "call_analyzed", "meeting_received", "seat_added")
        make_conversation(floor.services.db, floor.team, transcript=SAID)
        make_conversation(floor.services.db, floor.team, kind=ConversationKind.MEETING, transcript=SAID)
        floor.publish("seat.added", "12", count=3)
        floor.tell()
        floor.work(minutes=1)

        bodies = [json.loads(one.body) for one in receiver.came]
        assert sorted(body["eventType"] for body in bodies) == ["call_analyzed", "meeting_received", "seat_added"]
        for body in bodies:
            schema = shown[body["eventType"]]
            Draft202012Validator.check_schema(schema)
            Draft202012Validator(schema).validate(body)
            with pytest.raises(ValidationError):
                Draft202012Validator(schema).validate({**body, "eventType": "other"})


class TestSignatures:
    def test_are_accepted_by_both_verifiers(self, floor: Floor, receiver: Receiver) -> None:
        made = floor.listen(receiver.url, "seat_added")
        floor.publish("seat.added", "1", name="Zoë ☎")
        floor.tell()
        floor.work()
        (came,) = receiver.came

        assert verify_as_the_original_says(came, made["secret"])
        assert Webhook(made["standard_secret"]).verify(came.body, came.headers)["eventType"] == "seat_added"
        changed = Came(came.headers, came.body.replace(b"seat_added", b"seat_freed"))
        assert not verify_as_the_original_says(changed, made["secret"])
        with pytest.raises(WebhookVerificationError):
            Webhook(made["standard_secret"]).verify(changed.body, changed.headers)

    def test_of_the_old_secret_count_until_the_overlap_ends(self, floor: Floor, receiver: Receiver) -> None:
        old = floor.listen(receiver.url, "seat_added")
        webhook = old["webhook"]["id"]
        new = floor.http.post(f"/webhooks/{webhook}/secret", json={"overlap_hours": 1}).json()
        for minutes in (0, 90):
            floor.now += minutes * 60_000
            floor.publish("seat.added", str(minutes))
            floor.tell()
            floor.work()
        during, after = receiver.came

        assert new["secret"] != old["secret"]
        assert verify_as_the_original_says(during, new["secret"])
        assert verify_as_the_original_says(after, new["secret"])
        assert len(during.headers["webhook-signature"].split(" ")) == 2
        assert len(after.headers["webhook-signature"].split(" ")) == 1
        Webhook(old["standard_secret"]).verify(during.body, during.headers)
        Webhook(new["standard_secret"]).verify(during.body, during.headers)


class TestAnswers:
    @pytest.fixture
    def webhook(self, floor: Floor, receiver: Receiver) -> int:
        made: int = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
        return made

    def happen(self, floor: Floor, subject: str = "1") -> None:
        floor.publish("seat.added", subject)
        floor.tell()

    def test_of_success_end_it(self, floor: Floor, receiver: Receiver, webhook: int) -> None:
        receiver.answers = lambda _: (204, {}, b"")
        self.happen(floor)

        assert floor.work() == 1
        (delivery,) = floor.deliveries(webhook)
        assert (delivery["state"], delivery["attempts"]) == ("delivered", 1)
        assert floor.work(minutes=10_000) == 0

    @pytest.mark.parametrize("status", [301, 302, 400, 404, 418, 500, 503])
    def test_of_anything_else_are_followed_by_another_attempt_with_the_same_bytes(
        self, floor: Floor, receiver: Receiver, webhook: int, status: int
    ) -> None:
        receiver.answers = refuse(status, Location="http://169.254.169.254/")
        self.happen(floor)
        floor.work()
        receiver.answers = lambda _: (200, {}, b"")
        floor.work(minutes=1)
        first, second = receiver.came

        assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
        (delivery,) = floor.deliveries(webhook)
        assert (delivery["state"], delivery["attempts"]) == ("delivered", 2)
        attempts = floor.details(delivery["id"])["attempts"]
        assert [one["status"] for one in attempts] == [status, 200]
        assert attempts[0]["answer_body"] == "no"
        assert attempts[0]["request_headers"]["webhook-id"] == delivery["id"]

    def test_that_never_come_are_waited_for_longer_and_longer_up_to_three_days(
        self, floor: Floor, receiver: Receiver, webhook: int
    ) -> None:
        receiver.answers = refuse(500)
        self.happen(floor)
        begun, tried = floor.now, list[int]()
        while floor.deliveries(webhook)[0]["state"] == "pending":
            count = len(receiver.came)
            floor.work(minutes=1 if floor.now - begun < 3_600_000 else 60)
            if len(receiver.came) > count:
                tried.append(floor.now - begun)

        pauses = [later - earlier for earlier, later in itertools.pairwise(tried)]
        assert len(tried) >= 10
        assert RETRIED_FOR * 0.6 < tried[-1] <= RETRIED_FOR
        assert pauses[-1] > 10 * pauses[0]
        (delivery,) = floor.deliveries(webhook)
        assert delivery["state"] == "failed"
        shown = floor.webhook(webhook)
        assert (shown["is_enabled"], shown["disabled_reason"]) == (False, "nothing was taken for days")

    def test_that_do_not_come_are_given_up_after_fifteen_seconds(
        self, floor: Floor, receiver: Receiver, webhook: int
    ) -> None:
        let_go = threading.Event()

        def hang(_: Came) -> tuple[int, dict[str, str], bytes]:
            let_go.wait(DEADLINE_SECONDS)
            return 200, {}, b""

        receiver.answers = hang
        self.happen(floor)
        floor.work()
        let_go.set()
        receiver.answers = lambda _: (200, {}, b"")
        floor.work(minutes=1)

        (delivery,) = floor.deliveries(webhook)
        late, taken = floor.details(delivery["id"])["attempts"]
        assert (late["status"], late["error"]) == (None, "no whole answer in time")
        assert (taken["status"], delivery["state"]) == (200, "delivered")

    def test_that_are_no_http_are_written_down_and_followed_by_another(self, floor: Floor) -> None:
        class Garbage(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.recv(65_536)
                self.request.sendall(b"\x00\xff" + b"x" * 10_000 + b"\r\n\r\n")

        with socketserver.TCPServer(("127.0.0.1", 0), Garbage) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_address[1]}/"
            webhook = floor.listen(url, "seat_added")["webhook"]["id"]
            self.happen(floor)
            floor.work()
            floor.work(minutes=1)
            server.shutdown()

        (delivery,) = floor.deliveries(webhook)
        attempts = floor.details(delivery["id"])["attempts"]
        assert (delivery["state"], [one["status"] for one in attempts]) == ("pending", [None, None])
        assert attempts[0]["error"].startswith("no whole answer: \ufffd")
        assert len(attempts[0]["error"]) == 500

    @pytest.mark.parametrize("form", ["seconds", "date"])
    def test_with_retry_after_are_obeyed(self, floor: Floor, receiver: Receiver, webhook: int, form: str) -> None:
        date = email.utils.formatdate(floor.now // 1000 + 3600, usegmt=True)
        receiver.answers = refuse(503, Retry_After="3600" if form == "seconds" else date)
        self.happen(floor)
        floor.work()

        assert floor.work(minutes=50) == 0
        assert floor.work(minutes=20) == 1

    @pytest.mark.parametrize("status", [200, 503])
    @pytest.mark.parametrize(
        "header",
        ["1 Jan 99999999999 00:00:00 GMT", "1 Jan 2027 00:00:00 +99999999999999999", "9" * 5000, "soon", ""],
        ids=["year", "offset", "seconds", "word", "nothing"],
    )
    def test_with_a_retry_after_that_is_none_are_as_without_it(
        self, floor: Floor, receiver: Receiver, webhook: int, header: str, status: int
    ) -> None:
        receiver.answers = refuse(status, Retry_After=header)
        self.happen(floor)
        floor.work()
        receiver.answers = lambda _: (200, {}, b"")
        floor.work(minutes=1)

        (delivery,) = floor.deliveries(webhook)
        told = [200] if status == 200 else [503, 200]
        assert (delivery["state"], len(receiver.came)) == ("delivered", len(told))
        assert [one["status"] for one in floor.details(delivery["id"])["attempts"]] == told

    def test_of_410_disable_the_endpoint(self, floor: Floor, receiver: Receiver, webhook: int) -> None:
        receiver.answers = refuse(410)
        self.happen(floor, "1")
        self.happen(floor, "2")
        floor.work()

        shown = floor.webhook(webhook)
        assert (shown["is_enabled"], shown["disabled_reason"]) == (False, "it answered 410 Gone")
        assert {one["state"] for one in floor.deliveries(webhook)} == {"failed", "canceled"}
        self.happen(floor, "3")
        assert len(floor.deliveries(webhook)) == 2

    def test_that_are_huge_are_kept_in_part(self, floor: Floor, receiver: Receiver, webhook: int) -> None:
        long = {"X-First": "a\x00b", "X-Long": "x" * 60_000}
        receiver.answers = lambda _: (200, long, b"\x00\xff" + b"x" * 50_000_000)
        self.happen(floor)
        floor.work()

        (delivery,) = floor.deliveries(webhook)
        (attempt,) = floor.details(delivery["id"])["attempts"]
        kept = attempt["answer_body"]
        assert delivery["state"] == "delivered"
        assert attempt["answer_headers"]["x-first"] == "a\x00b"
        assert "x-long" not in attempt["answer_headers"]
        assert len(kept) == 4096
        assert kept.startswith("\ufffd\ufffdx")

    def test_that_fail_in_a_row_leave_the_endpoint_alone_for_a_while(
        self, floor: Floor, receiver: Receiver, webhook: int
    ) -> None:
        """The others wait with it: a dead endpoint costs one attempt now and then, however much happens."""
        receiver.answers = refuse(500)
        for subject in range(20):
            self.happen(floor, str(subject))
        floor.work()
        tried = len(receiver.came)
        floor.work()

        assert floor.webhook(webhook)["resumes_at"] is not None
        assert tried == len(receiver.came) == 5
        receiver.answers = lambda _: (200, {}, b"")
        floor.work(minutes=2)
        floor.work(minutes=70)
        assert {one["state"] for one in floor.deliveries(webhook)} == {"delivered"}
        assert floor.webhook(webhook)["failures"] == 0


def test_a_test_is_sent_by_hand(floor: Floor, receiver: Receiver) -> None:
    made = floor.listen(receiver.url)
    webhook = made["webhook"]["id"]

    answer = floor.http.post(f"/webhooks/{webhook}/test")
    floor.now += 60_000
    floor.work()

    assert answer.status_code == 202
    (came,) = receiver.came
    assert came.headers["webhook-id"] == answer.json()["id"]
    assert json.loads(came.body)["eventType"] == "test"
    assert verify_as_the_original_says(came, made["secret"])
