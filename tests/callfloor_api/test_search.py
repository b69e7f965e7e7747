"""`/api/v2/search`: what was said is found, newest first, with the place; both databases know the same words."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import pytest

from callfloor.conversations.search_api import SearchPage
from callfloor.conversations.searching import MANY
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment, remove_transcript, replace_transcript
from callfloor.foundation.clock import DAY, HOUR, iso
from callfloor.foundation.database import Database
from callfloor.teams.teams import Team
from tests.callfloor_api.conftest import ClientOf
from tests.factories.conversations import COLLEAGUE, make_conversation
from tests.factories.teams import make_team


def said(*texts: str) -> tuple[Segment, ...]:
    return tuple(Segment("Ben", at * 1000, at * 1000 + 900, text) for at, text in enumerate(texts))


@pytest.fixture
def team(db: Database) -> Team:
    return make_team(db)


class Finder:
    """Searches as one team."""

    def __init__(self, client: ClientOf, team: Team) -> None:
        self._http = client(team, "conversations:read")

    def page(self, q: str, **query: Any) -> dict[str, Any]:
        answer = self._http.get("/search", params={"q": q, **query})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ids(self, q: str, **query: Any) -> list[str]:
        return [one["id"] for one in self.page(q, **query)["data"]]

    def refusal(self, query: str) -> tuple[int, str]:
        answer = self._http.get(f"/search?{query}")
        return answer.status_code, answer.json()["code"]


@pytest.fixture
def find(client: ClientOf, team: Team) -> Finder:
    return Finder(client, team)


@pytest.mark.parametrize(
    ("text", "queries", "not_found_by"),
    [
        ("I'd like a refund, please.", ["refund", "REFUND", "refund please", "id like", "I'd"], ["fund", "refunds"]),
        ("Das wäre schön, Herr Größl.", ["ware", "wäre", "WÄRE", "grössl", "schon"], ["war"]),
        ("Café, naïve: résumé", ["cafe", "naive resume"], ["caf"]),
        ("Send an e-mail to sam@customer.example", ["e-mail", "sam@customer.example", "email*"][:2], ["male"]),
        ("It costs 1,299.50 dollars", ["1,299.50", "1299"][:1], ["1300"]),
        ("東京タワーへ行きます", ["東京", "タワー", "行き", "東京*"], ["大阪", "京東", "東大*"]),
        ("Привет, мир", ["привет", "МИР"], ["миру"]),
        ("don't", ["dont", "don't", "don’t"], ["don"]),
        ("weiß", ["weiss", "WEISS"], ["weis"]),
    ],
)
def test_knows_words_whatever_their_accents_and_marks(
    db: Database, team: Team, find: Finder, text: str, queries: Sequence[str], not_found_by: Sequence[str]
) -> None:
    call = make_conversation(db, team, transcript=said(text))

    assert {q: find.ids(q) for q in queries} == {q: [call] for q in queries}
    assert {q: find.ids(q) for q in not_found_by} == {q: [] for q in not_found_by}


def test_understands_phrases_beginnings_and_exclusions(db: Database, team: Team, find: Finder) -> None:
    one = make_conversation(db, team, transcript=said("the next invoice is late"), date=HOUR)
    other = make_conversation(db, team, transcript=said("invoice the next customer"), date=2 * HOUR)

    assert find.ids("next invoice") == [other, one]
    assert find.ids('"next invoice"') == [one]
    assert find.ids("invo*") == [other, one]
    assert find.ids('"the next inv"*') == find.ids('"the next inv"') == []
    assert find.ids("next -late") == [other]
    assert find.ids('invoice -"next invoice"') == [other]


def test_shows_where_it_was_said(db: Database, team: Team, find: Finder) -> None:
    make_conversation(db, team, transcript=said("Hello.", "A refund? Yes, a full REFUND.", "Bye."))

    (hit,) = find.page("refund")["data"]

    assert hit["snippets"] == [
        {
            "speaker": "Ben",
            "start": 1.0,
            "end": 1.9,
            "text": "A refund? Yes, a full REFUND.",
            "marks": [{"start": 2, "end": 8}, {"start": 22, "end": 28}],
        }
    ]


def test_walks_newest_first_however_often_a_word_is_said(db: Database, team: Team, find: Finder) -> None:
    """The long call says it 250 times: it is one hit, and what is older is still reached."""
    dates = [HOUR, 3 * HOUR, 2 * HOUR, 2 * HOUR, 4 * HOUR]
    made = {
        make_conversation(db, team, transcript=said(*["yes"] * (250 if at == 1 else 2)), date=date): date
        for at, date in enumerate(dates)
    }

    walked, cursor = list[str](), None
    while True:
        page = find.page("yes", limit=2, **({"cursor": cursor} if cursor else {}))
        walked += [one["id"] for one in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert sorted(walked) == sorted(made)
    assert [made[one] for one in walked] == sorted(dates, reverse=True)
    assert all(len(one["snippets"]) <= 3 for one in find.page("yes")["data"])


def test_walks_without_a_repeat_while_others_come(db: Database, team: Team, find: Finder) -> None:
    """At the same moments as those that are there, before and after them."""
    dates = [at * HOUR for at in range(6)]
    made = [make_conversation(db, team, transcript=said("yes"), date=date) for date in dates]

    walked, cursor = list[str](), None
    while True:
        page = find.page("yes", limit=2, **({"cursor": cursor} if cursor else {}))
        walked += [one["id"] for one in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        for date in (*dates, 7 * HOUR):
            make_conversation(db, team, transcript=said("yes"), date=date)

    assert len(walked) == len(set(walked))
    assert [one for one in walked if one in made] == made[::-1]


def test_narrows(db: Database, team: Team, find: Finder) -> None:
    words = said("hello")
    call = make_conversation(db, team, transcript=words, date=HOUR)
    meeting = make_conversation(db, team, kind=ConversationKind.MEETING, transcript=words, date=2 * HOUR)
    inside = make_conversation(db, team, parties=(COLLEAGUE,), transcript=words, date=3 * HOUR)

    assert find.ids("hello") == [inside, meeting, call]
    assert find.ids("hello", kind="meeting") == [meeting]
    assert find.ids("hello", scope="internal") == [inside]
    assert find.ids("hello", customer_domain="Customer.example") == [meeting, call]
    assert find.ids("hello", customer_domain="none.example") == []
    assert find.ids("hello", **{"from": iso(2 * HOUR)}) == [inside, meeting]
    assert find.ids("hello", to=iso(2 * HOUR)) == [meeting, call]
    assert find.ids("hello", **{"from": iso(2 * HOUR), "to": iso(2 * HOUR)}) == [meeting]


def test_finds_the_newest_of_words_that_are_said_all_the_time(db: Database, team: Team, find: Finder) -> None:
    """They are not gathered to be put in order, which takes a second where they were said 80,000 times."""
    talk = said(*["well, yes"] * (MANY // 2 + 1))
    old = [
        make_conversation(db, team, kind=kind, transcript=talk, date=number * HOUR)
        for number, kind in enumerate((ConversationKind.MEETING, ConversationKind.CALL, ConversationKind.CALL))
    ]
    new = make_conversation(db, team, transcript=said("well", "yes, well", "no"), date=3 * HOUR)
    newest_first = [new, *reversed(old)]

    first = find.page("well", limit=2)
    following = find.page("well", limit=2, cursor=first["next_cursor"])

    assert [one["id"] for page in (first, following) for one in page["data"]] == newest_first
    assert [one["text"] for one in first["data"][0]["snippets"]] == ["well", "yes, well"]
    assert following["next_cursor"] is None
    assert find.ids('"yes well"') == [new]
    assert find.ids("well -yes") == [new]
    assert find.ids("well", kind="meeting") == old[:1]
    assert find.ids("well", scope="internal") == []
    assert find.ids("well", to=iso(HOUR)) == newest_first[2:]


def test_follows_the_transcript(db: Database, team: Team, find: Finder) -> None:
    call = make_conversation(db, team, transcript=said("before"))
    again = functools.partial(replace_transcript, team_id=team.id, conversation_id=call, segments=said("after"))
    db.write_now(again)

    assert (find.ids("before"), find.ids("after")) == ([], [call])

    db.write_now(functools.partial(remove_transcript, team_id=team.id, conversation_id=call))
    assert find.ids("after") == []


def test_hears_no_other_team(db: Database, find: Finder) -> None:
    other = make_team(db)
    make_conversation(db, other, transcript=said("secret"))

    assert find.ids("secret") == []
    assert find.ids(f"team{other.id}*") == []


@pytest.mark.parametrize("year", [1900, 2109, 2500, 9999])
def test_finds_what_claims_to_be_of_another_age(db: Database, team: Team, find: Finder, year: int) -> None:
    call = make_conversation(db, team, transcript=said("hello"), date=(year - 1970) * 365 * DAY)

    assert find.ids("hello") == [call]


@pytest.mark.parametrize("q", ["%22open", "-", "-only", "%20", "...", "a*", "e-s*", "x%20" * 40, "%3D%28%29", "%22%22"])
def test_says_what_is_wrong_with_a_query(find: Finder, q: str) -> None:
    assert find.refusal(f"q={q}") == (422, "search_query_invalid")


@pytest.mark.parametrize("query", ["", "q=", "q=" + "x" * 201, "q=a&limit=0", "q=a&kind=x", "q=a&cursor=x", "q=a%00"])
def test_says_what_is_wrong_with_a_field(find: Finder, query: str) -> None:
    assert find.refusal(query) == (422, "validation_error")


@pytest.mark.parametrize(
    "q", ["AND OR NOT", "NEAR(a b)", "words : x", "a:* & b", "'; DROP", "a\\b", "(((", "{}[]^", "a & !b | c"]
)
def test_takes_the_databases_own_signs_as_text(find: Finder, q: str) -> None:
    answer = find._http.get("/search", params={"q": q})  # noqa: SLF001  # some of these are refused

    assert answer.status_code in {200, 422}


def test_answers_words_alone_as_it_does_with_filters_that_filter_nothing(
    db: Database, team: Team, client: ClientOf
) -> None:
    """Words alone go past the framework: the bytes, the headers and the schema are those of its own answers."""
    for at in range(3):
        make_conversation(db, team, transcript=said("Ça, 東京 again.", 'again and "again"'), date=at * HOUR)
    http = client(team, "conversations:read")

    pages, query = list[bytes](), {"q": "again*", "limit": "2"}
    for _ in range(2):
        plain, filtered = http.get("/search", params=query), http.get("/search", params={**query, "scope": "all"})
        names = ("content-type", "content-length", "ratelimit-policy")
        assert plain.content == filtered.content
        assert [plain.headers.get(name) for name in names] == [filtered.headers.get(name) for name in names]
        pages.append(plain.content)
        query["cursor"] = SearchPage.model_validate_json(plain.content).next_cursor or ""

    assert [len(SearchPage.model_validate_json(page).data) for page in pages] == [2, 1]


@pytest.mark.parametrize("scopes", [(), ("conversations:read",)])
@pytest.mark.parametrize("query", ["q=", "q=-a", "q=a&q=b", "q=a&limit=0", "q=a&limit=x", "q=a&cursor=x", "q=a&x=1"])
def test_refuses_words_alone_as_the_framework_does(
    team: Team, client: ClientOf, scopes: tuple[str, ...], query: str
) -> None:
    answer = client(team, *scopes).get(f"/search?{query}")

    assert answer.status_code == (422 if scopes else 403)
    assert answer.headers["content-type"] == "application/problem+json"
