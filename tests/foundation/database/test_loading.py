"""Many rows by one statement: what comes back is what went in, on both databases."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.sql.dml import Insert

from callfloor.foundation.database import Clash, Database, Tx, any_of, param, upsert
from callfloor.foundation.database.errors import PlanError
from tests.support.ledger import sample

_s = sample.c
_all = (
    select(_s.id, _s.text, _s.content, _s.hash, _s.is_lit, _s.share).where(_s.team_id == param("team")).order_by(_s.id)
)
_plain = insert(sample)
_newest = upsert(sample)
_replace = _newest.on_conflict_do_update(
    index_elements=[_s.team_id, _s.id], set_={"text": _newest.excluded.text, "share": _s.share + _newest.excluded.share}
)
_keep = upsert(sample).on_conflict_do_nothing(index_elements=[_s.team_id, _s.id])
_only_text = insert(sample).values(team_id=param("team_id"), id=param("id"), text=param("text"))
_same_text = insert(sample).values(team_id=param("team_id"), id=param("id"), text="the same")
_copied = insert(sample).from_select(["team_id", "id"], select(_s.team_id, _s.id + 1))
_with_more = _newest.on_conflict_do_update(index_elements=[_s.team_id, _s.id], set_={"text": param("more")})

_BY_LIST = {name: _all.where(any_of(_s[name], "wanted")) for name in ("id", "text", "hash")}

TEXTS = (
    "plain",
    "",
    "NULL",
    'quo"te',
    "back\\slash",
    "\\N",
    "comma, {brace}",
    "tab\tnew\nline\rend",
    "emoji 🙂 ünï",
    "'; --",
    "%s %(x)s",
    None,
)


class Color(enum.StrEnum):
    RED = "red"


def row(id_: int, text: str | None, **more: Any) -> tuple[Any, ...]:
    """Return a row of team 1."""
    plain = {"content": None, "hash": None, "is_lit": None, "share": None}
    return (1, id_, text, *{**plain, **more}.values())


def rows_of(db: Database) -> list[tuple[Any, ...]]:
    """Return the rows of team 1, without the team."""
    return db.read_now(lambda tx: tx.all(_all, {"team": 1}))


def load(db: Database, statement: Insert, rows: list[tuple[Any, ...]]) -> None:
    """Load the rows in a transaction of their own."""

    def verb(tx: Tx) -> None:
        tx.load(statement, rows)

    db.write_now(verb)


@pytest.mark.parametrize("statement", [_plain, _keep], ids=["insert", "upsert"])
def test_every_type_comes_back_as_it_went_in(ledger: Database, statement: Insert) -> None:
    rows = [row(number, text) for number, text in enumerate(TEXTS)]
    rows.append(row(50, Color.RED, content={"a": ['"', "\\", None]}, hash=b"\0\xff\\\"'", is_lit=True, share=-7))
    rows.append(row(2**62, "big", content=[], hash=b"", is_lit=False, share=2**62))

    load(ledger, statement, rows)

    assert rows_of(ledger) == [one[1:] for one in rows]


def test_an_upsert_meets_the_rows_that_are_there(ledger: Database) -> None:
    load(ledger, _plain, [row(1, "old", share=10), row(2, "old", share=10)])

    load(ledger, _replace, [row(2, "new", share=5), row(3, "new", share=5)])
    load(ledger, _keep, [row(3, "newer"), row(4, "newer")])

    assert [(id_, text, share) for id_, text, *_, share in rows_of(ledger)] == [
        *((1, "old", 10), (2, "new", 15)),
        *((3, "new", 5), (4, "newer", None)),
    ]


def test_loads_the_columns_that_the_statement_sets(ledger: Database) -> None:
    load(ledger, _only_text, [(1, 7, "seven"), (1, 8, None)])

    assert [found[:2] for found in rows_of(ledger)] == [(7, "seven"), (8, None)]


def test_no_rows_are_no_statement(ledger: Database) -> None:
    load(ledger, _plain, [])

    assert rows_of(ledger) == []


def test_a_row_that_is_there_clashes_and_nothing_stays(ledger: Database) -> None:
    load(ledger, _plain, [row(1, "first")])

    with pytest.raises(Clash):
        load(ledger, _plain, [row(0, "second"), row(1, "second")])

    assert [found[:2] for found in rows_of(ledger)] == [(1, "first")]


@pytest.mark.parametrize("statement", [_same_text, _copied, _with_more], ids=["constant", "select", "other parameter"])
def test_refuses_statements_with_other_values(ledger: Database, statement: Insert) -> None:
    with pytest.raises(PlanError):
        load(ledger, statement, [(1, 1)])


def test_a_load_and_other_statements_share_a_transaction(ledger: Database) -> None:
    def verb(tx: Tx) -> None:
        tx.load(_plain, [row(number, "a") for number in range(300)])
        tx.run(update(sample).values(text="b").where(_s.id == param("id_")), {"id_": 299})
        tx.load(_replace, [row(number, "c", share=0) for number in range(100)])

    ledger.write_now(verb)

    texts = [text for _, text, *_ in rows_of(ledger)]
    assert (texts.count("c"), texts.count("a"), texts.count("b")) == (100, 199, 1)


@pytest.mark.parametrize("column", ["id", "text", "hash"])
def test_finds_rows_by_a_list_of_any_type(ledger: Database, column: str) -> None:
    rows = [row(number, text, hash=bytes([number, 0, 255])) for number, text in enumerate(TEXTS)]
    load(ledger, _plain, rows)
    wanted = {"id": [3, 5, 99], "text": [TEXTS[3], TEXTS[5], "none"], "hash": [rows[3][4], rows[5][4], b""]}

    found = ledger.read_now(lambda tx: tx.all(_BY_LIST[column], {"team": 1, "wanted": wanted[column]}))
    none = ledger.read_now(lambda tx: tx.all(_BY_LIST[column], {"team": 1, "wanted": []}))

    assert [one[0] for one in found] == [3, 5]
    assert none == []
