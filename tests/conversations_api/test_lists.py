"""GET /calls and GET /meetings: filters, order, pages."""

from __future__ import annotations

import re

import pytest

from callfloor.conversations.parties import Party
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment
from callfloor.conversations_api.instants import instant
from callfloor.foundation.clock import DAY, HOUR, iso
from callfloor.foundation.services import Services
from tests.conversations_api.conftest import Http, Member
from tests.conversations_api.counting import CountingDatabase, counted
from tests.factories.conversations import COLLEAGUE, CUSTOMER, make_conversation

NOON = instant("2026-03-10T12:00:00Z")


def ids(http: Http, path: str = "/calls", **params: object) -> list[str]:
    answer = http.get(path, **params)
    assert answer.status_code == 200, answer.text
    return [record["id"] for record in answer.json()["data"]]


def problems(http: Http, path: str = "/calls", **params: object) -> list[str]:
    answer = http.get(path, **params)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "Bad Request"
    return [message.partition(":")[0] for message in answer.json()["message"]]


@pytest.fixture
def five(services: Services, member: Member) -> list[str]:
    """Five calls, an hour apart, oldest first."""
    return [make_conversation(services.db, member.team, date=NOON + n * HOUR) for n in range(5)]


class TestWords:
    def test_find_what_was_said_among_the_other_filters(self, services: Services, member: Member, http: Http) -> None:
        said = (Segment("Ben", 0, 1000, "A refund, next week?"), Segment("Cleo", 1000, 2000, "Café."))
        calls = [make_conversation(services.db, member.team, date=NOON + n * HOUR, transcript=said) for n in range(3)]
        make_conversation(services.db, member.team, date=NOON)

        assert ids(http, q="REFUND week") == calls[::-1]
        assert ids(http, q='"next week" -cafe', sortingOrder="ascending") == calls
        assert ids(http, q="refund cafe") == []
        assert ids(http, q="caf*", customerDomain="customer.example", startDate=iso(NOON + HOUR)) == calls[:0:-1]
        page = http.get("/calls", q="refund", pageSize=2, page=1).json()
        assert ([one["id"] for one in page["data"]], page["meta"]["total"]) == (calls[:1], 3)


class TestPages:
    def test_answers_an_empty_page_with_all_four_meta_keys(self, http: Http) -> None:
        for path in ("/calls", "/meetings"):
            answer = http.get(path)

            assert answer.status_code == 200
            assert answer.json() == {
                "data": [],
                "meta": {"total": 0, "returned": 0, "page": 0, "pageSize": 20},
            }

    def test_counts_pages_from_zero_newest_first(self, http: Http, five: list[str]) -> None:
        first, second, third = (http.get("/calls", page=n, pageSize=2).json() for n in range(3))

        assert [r["id"] for page in (first, second, third) for r in page["data"]] == five[::-1]
        assert third["meta"] == {"total": 5, "returned": 1, "page": 2, "pageSize": 2}

    def test_links_to_a_next_page_only_where_there_is_one(self, http: Http, five: list[str]) -> None:
        links = {size: "Link" in http.get("/calls", pageSize=size).headers for size in (4, 5, 6)}

        assert links == {4: True, 5: False, 6: False}

    def test_turns_the_order_around(self, http: Http, five: list[str]) -> None:
        assert ids(http, sortingOrder="ascending") == five
        assert ids(http, sortingOrder="descending") == five[::-1]

    def test_orders_equal_dates_by_id(self, services: Services, member: Member) -> None:
        made = sorted(make_conversation(services.db, member.team, date=NOON) for _ in range(4))

        assert ids(member.http, sortingOrder="ascending") == made
        assert ids(member.http) == made[::-1]

    @pytest.mark.usefixtures("five")
    def test_answers_an_empty_page_past_the_end(self, http: Http) -> None:
        answer = http.get("/calls", page=999_999_999).json()

        assert answer["data"] == []
        assert answer["meta"] == {"total": 5, "returned": 0, "page": 999_999_999, "pageSize": 20}

    @pytest.mark.parametrize("order", ["ascending", "descending"])
    def test_walks_the_list_by_the_link_header_while_calls_come_in(
        self, services: Services, member: Member, five: list[str], order: str
    ) -> None:
        seen: list[str] = []
        answer = member.http.get("/calls", pageSize=2, sortingOrder=order, startDate="2026-03-10")
        while True:
            assert answer.status_code == 200, answer.text
            seen += [record["id"] for record in answer.json()["data"]]
            link = re.fullmatch(r'<(https://floor\.example/calls\?[^>]+)>; rel="next"', answer.headers.get("Link", ""))
            if link is None:
                break
            make_conversation(services.db, member.team, date=NOON - HOUR if order == "ascending" else NOON + DAY)
            answer = member.http.send("GET", link.group(1))

        assert seen == (five if order == "ascending" else five[::-1])
        assert answer.json()["meta"]["page"] == 2

    @pytest.mark.usefixtures("five")
    def test_refuses_a_cursor_that_is_not_of_this_list(self, http: Http) -> None:
        link = http.get("/calls", pageSize=2).headers["Link"]
        cursor = re.findall(r"cursor=([^>&]+)", link)[0]

        assert problems(http, cursor="nonsense") == ["cursor"]
        assert problems(http, cursor=cursor, sortingOrder="ascending") == ["cursor"]
        assert problems(http, cursor=cursor, page=1) == ["page"]


class TestFilters:
    def test_bounds_by_date_inclusively(self, http: Http, five: list[str]) -> None:
        at = [iso(NOON + n * HOUR) for n in range(5)]

        assert ids(http, startDate=at[1], endDate=at[3], sortingOrder="ascending") == five[1:4]
        assert ids(http, startDate="2026-03-10T14:00:00+01:00", sortingOrder="ascending") == five[1:]

    def test_takes_a_bare_date_as_the_whole_day_of_utc(self, services: Services, member: Member) -> None:
        day = instant("2026-03-10")
        edge = [make_conversation(services.db, member.team, date=day + at) for at in (-1, 0, DAY - 1, DAY)]

        assert ids(member.http, startDate="2026-03-10", endDate="2026-03-10", sortingOrder="ascending") == edge[1:3]
        assert ids(member.http, endDate="2026-03-09") == edge[:1]

    @pytest.mark.parametrize("time", ["14:00", "14:00:00", "14:00:00.0", "14:00:00.000", "14:00:00.000000"])
    def test_repairs_an_offset_whose_plus_became_a_space(self, http: Http, five: list[str], time: str) -> None:
        answer = http.send("GET", f"/calls?startDate=2026-03-10T{time}+01:00&sortingOrder=ascending")

        assert [r["id"] for r in answer.json()["data"]] == five[1:], answer.text

    def test_leaves_internal_conversations_out_unless_asked_for(self, services: Services, member: Member) -> None:
        inside = make_conversation(services.db, member.team, parties=[COLLEAGUE], date=NOON)
        outside = make_conversation(services.db, member.team, parties=[COLLEAGUE, CUSTOMER], date=NOON + 1)
        nobody = make_conversation(services.db, member.team, parties=[], date=NOON + 2)

        assert ids(member.http) == [nobody, outside]
        assert ids(member.http, scopes="internal") == [inside]
        assert ids(member.http, scopes="internal,external") == [nobody, outside, inside]
        assert ids(member.http, scopes=["internal", "external"]) == [nobody, outside, inside]

    def test_finds_the_domains_of_external_participants_only(self, services: Services, member: Member) -> None:
        def with_domains(*domains: str) -> str:
            parties = [Party(email=f"x@{d}", is_internal=d == "ours.example") for d in domains]
            return make_conversation(services.db, member.team, parties=parties)

        one = with_domains("ours.example", "Acme.example")
        two = with_domains("acme.example", "beta.example")
        with_domains("sub.acme.example")

        assert set(ids(member.http, customerDomain="ACME.example")) == {one, two}
        assert ids(member.http, customerDomain="ours.example") == []
        assert set(ids(member.http, customerDomain=["beta.example", "acme.example"])) == {one, two}
        assert member.http.get("/calls", customerDomain=["beta.example", "acme.example"]).json()["meta"]["total"] == 2

    def test_finds_ids(self, http: Http, five: list[str]) -> None:
        assert ids(http, id=[five[0], five[3], "unknown"], sortingOrder="ascending") == [five[0], five[3]]

    def test_finds_what_changed_since(self, services: Services, member: Member) -> None:
        make_conversation(services.db, member.team, now=NOON)
        late = make_conversation(services.db, member.team, now=NOON + HOUR)

        assert ids(member.http, updatedSince=iso(NOON + HOUR)) == [late]

    def test_finds_the_few_of_many_that_changed(self, services: Services, member: Member) -> None:
        """A sync that asks each minute is not to walk a team's years to the end: few are gathered another way."""
        days, people = (3, 0, 4, 1, 2), [[COLLEAGUE], [COLLEAGUE, CUSTOMER]]
        for number in range(20):
            make_conversation(services.db, member.team, now=NOON - DAY, parties=people[number % 2])
        make_conversation(services.db, member.team, kind=ConversationKind.MEETING, now=NOON + HOUR)
        changed = {
            day: make_conversation(
                services.db, member.team, date=NOON - day * DAY, now=NOON + HOUR, parties=people[day != 0]
            )
            for day in days
        }
        oldest_first = [changed[day] for day in sorted(days, reverse=True)]

        def walked(size: int, **filters: object) -> list[str]:
            found: list[str] = []
            for page in range(len(days) // size + 1):
                found += ids(member.http, "/calls", **filters, page=page, pageSize=size)
            return found

        for filters, expected in (
            ({"scopes": "internal,external"}, oldest_first),
            ({"scopes": "external"}, oldest_first[:-1]),
            ({"scopes": "internal"}, oldest_first[-1:]),
            ({"scopes": "external", "startDate": iso(NOON - 2 * DAY)}, oldest_first[2:-1]),
            ({"scopes": "external", "endDate": iso(NOON - 2 * DAY)}, oldest_first[:3]),
            ({"scopes": "external", "startDate": iso(NOON - 3 * DAY), "endDate": iso(NOON)}, oldest_first[1:-1]),
        ):
            asked = {**filters, "updatedSince": iso(NOON + HOUR)}
            for size in (1, 2, 5):
                assert walked(size, **asked, sortingOrder="ascending") == expected
                assert walked(size, **asked) == expected[::-1]
            for order, ordered in (("ascending", expected), ("descending", expected[::-1])):
                first = member.http.get("/calls", **asked, pageSize=1, sortingOrder=order)
                assert first.json()["meta"]["total"] == len(expected)
                cursor = re.search(r"cursor=([^&>]+)", first.headers.get("Link", ""))
                assert (cursor is None) == (len(expected) == 1)
                if cursor is not None:
                    assert ids(member.http, "/calls", **asked, sortingOrder=order, cursor=cursor[1]) == ordered[1:]

    def test_keeps_calls_and_meetings_apart(self, services: Services, member: Member) -> None:
        call = make_conversation(services.db, member.team)
        meeting = make_conversation(services.db, member.team, kind=ConversationKind.MEETING)

        assert ids(member.http, "/calls") == [call]
        assert ids(member.http, "/meetings") == [meeting]
        assert member.http.get(f"/meetings/{meeting}").status_code == 200
        assert member.http.get(f"/calls/{meeting}").status_code == 404

    def test_combines_every_filter(self, member: Member, five: list[str]) -> None:
        found = ids(
            member.http,
            startDate="2026-03-10",
            endDate="2026-03-10",
            customerDomain="customer.example",
            id=five,
            updatedSince="2020-01-01",
            scopes="external",
            sortingOrder="ascending",
        )

        assert found == five


class TestWrongParameters:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("page", "-1"),
            ("page", "1.5"),
            ("page", "9999999999999999999999"),
            ("page", "²"),
            ("pageSize", "0"),
            ("pageSize", "101"),
            ("pageSize", ""),
            ("sortingOrder", "newest"),
            ("startDate", "yesterday"),
            ("startDate", "2026-02-30"),
            ("startDate", "0000-01-01"),
            ("startDate", "2026-W01-1"),
            ("endDate", "2026-01-01T25:00:00Z"),
            ("endDate", "9999-12-31T23:59:59-23:59"),
            ("scopes", "everything"),
            ("scopes", ""),
            ("expand", "meeting_transcript,everything"),
            ("customerDomain", "a@b"),
            ("customerDomain", ""),
            ("id", ""),
            ("id", "a\x00b"),
            ("id", "x" * 300),
            ("updatedSince", "now"),
            ("cursor", "e30"),
            ("q", '"refund'),
            ("q", "-refund"),
            ("pagesize", "10"),
        ],
    )
    def test_names_the_field(self, http: Http, name: str, value: str) -> None:
        assert problems(http, **{name: value}) == [name]
        assert problems(http, "/meetings", **{name: value}) == [name]

    def test_names_all_wrong_fields_at_once(self, http: Http) -> None:
        assert set(problems(http, page="x", pageSize="x", endDate="x", nonsense="x")) == {
            "page",
            "pageSize",
            "endDate",
            "nonsense",
        }

    def test_refuses_a_parameter_given_twice_and_too_many_ids(self, http: Http) -> None:
        assert problems(http, page=["1", "2"]) == ["page"]
        assert problems(http, id=[str(n) for n in range(101)]) == ["id"]

    def test_refuses_unknown_parameters_of_one_record(self, http: Http, five: list[str]) -> None:
        assert problems(http, f"/calls/{five[0]}", page="0") == ["page"]


def test_needs_the_same_few_statements_for_any_number_of_records(services: Services, member: Member) -> None:
    database, http = counted(services, member)
    make_conversation(services.db, member.team)
    one = statements(database, http)
    for _ in range(9):
        make_conversation(services.db, member.team)

    assert statements(database, http) == one <= 5


def statements(database: CountingDatabase, http: Http) -> int:
    before = database.statements
    answer = http.get("/calls", expand="meeting_transcript,user_client_augmentation")
    assert answer.status_code == 200
    return database.statements - before


def test_keeps_totals_that_agree_with_counting(services: Services, member: Member) -> None:
    people = [[COLLEAGUE], [COLLEAGUE, CUSTOMER], [CUSTOMER, Party(email="x@beta.example")], []]
    for n in range(24):
        kind = ConversationKind.MEETING if n % 5 == 0 else ConversationKind.CALL
        date = NOON + (n % 7) * DAY // 2
        make_conversation(services.db, member.team, kind=kind, date=date, parties=people[n % 4])

    for path in ("/calls", "/meetings"):
        for scopes in ("external", "internal", "internal,external"):
            for dates in ({}, {"startDate": "2026-03-11"}, {"startDate": "2026-03-11", "endDate": "2026-03-12"}):
                for domain in ({}, {"customerDomain": "customer.example"}, {"customerDomain": "beta.example"}):
                    filters = {"scopes": scopes, **dates, **domain}
                    kept = member.http.get(path, **filters, pageSize=100).json()
                    counted_anew = member.http.get(path, **filters, updatedSince="1971-01-01", pageSize=100).json()

                    assert kept == counted_anew
                    assert kept["meta"]["total"] == len(kept["data"])


def test_finds_a_far_page(services: Services, member: Member) -> None:
    made = [make_conversation(services.db, member.team, date=NOON + n) for n in range(205)]

    for domain in ({}, {"customerDomain": "customer.example"}):
        assert ids(member.http, page=203, pageSize=1, sortingOrder="ascending", **domain) == [made[203]]
        assert ids(member.http, page=205, pageSize=1, **domain) == []
