"""A statement is compiled once, and refused where a compiled one would silently do something else."""

from __future__ import annotations

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, Table, Text, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg

from callfloor.foundation.database import Json, RawJson, any_of, param, upsert
from callfloor.foundation.database.errors import PlanError
from callfloor.foundation.database.plan import Plans

_metadata = MetaData()
lamp = Table(
    "lamp", _metadata, Column("id", Integer, primary_key=True), Column("is_lit", Boolean), Column("shade", Text)
)
dated = Table("dated", _metadata, Column("id", Integer, primary_key=True), Column("made_on", Text, default="today"))


@pytest.fixture(params=[sqlite.dialect(paramstyle="named"), psycopg.dialect()])  # type: ignore[no-untyped-call]  # untyped
def plans(request: pytest.FixtureRequest) -> Plans:
    return Plans(request.param)


class TestParameters:
    def test_names_what_is_missing_and_what_is_unknown(self, plans: Plans) -> None:
        plan = plans.of(select(lamp.c.id).where(lamp.c.shade == param("shade")))

        with pytest.raises(PlanError, match=r"missing \['shade'\], unknown \['shad'\]"):
            plan.bind({"shad": "red"})

    def test_takes_the_columns_of_an_insert_from_the_parameters(self, plans: Plans) -> None:
        statement = insert(lamp)

        assert plans.of(statement, {"id": 1}).names == {"id"}
        assert plans.of(statement, {"id": 1, "shade": "red"}).names == {"id", "shade"}

    def test_sends_constants_of_the_statement_none_included(self, plans: Plans) -> None:
        plan = plans.of(update(lamp).values(shade=None, is_lit=True).where(lamp.c.id == param("which")))

        bound = plan.bind({"which": 7})

        assert plan.names == {"which"}
        assert {name: bound[name] for name in ("which", "shade")} == {"which": 7, "shade": None}
        assert bound["is_lit"] in (True, 1)

    def test_sends_a_list_as_one_parameter(self, plans: Plans) -> None:
        plan = plans.of(select(lamp.c.shade).where(any_of(lamp.c.id, "ids")))

        assert plan.bind({"ids": [1, 2]})["ids"] in ("{1,2}", "[1,2]")
        # Compared with true, the list would be looked up for every row of the table.
        assert "= 1" not in plan.sql


class TestRefusals:
    def test_refuses_a_list_that_expands(self, plans: Plans) -> None:
        with pytest.raises(PlanError, match="any_of"):
            plans.of(select(lamp.c.id).where(lamp.c.shade.in_(["red", "green"])))

    def test_refuses_a_default_that_would_not_run(self, plans: Plans) -> None:
        with pytest.raises(PlanError, match="made_on"):
            plans.of(upsert(dated).values(id=param("id")))

    def test_refuses_a_column_that_does_not_exist(self, plans: Plans) -> None:
        with pytest.raises(Exception, match="hue"):
            plans.of(upsert(lamp).values(hue=param("hue")))


class TestOnce:
    def test_keeps_the_plan_of_a_statement(self, plans: Plans) -> None:
        statement = select(lamp.c.id)

        assert plans.of(statement) is plans.of(statement)


def test_json_comes_back_as_values_or_untouched() -> None:
    table = Table("note", MetaData(), Column("parsed", Json), Column("raw", RawJson))
    plans = Plans(sqlite.dialect(paramstyle="named"))
    bound = plans.of(insert(table), {"parsed": 1, "raw": 1}).bind({"parsed": {"a": [1]}, "raw": None})

    rows = plans.of(select(table)).decode([(bound["parsed"], '{"b": 2}'), (None, None)])

    assert bound == {"parsed": '{"a":[1]}', "raw": None}
    assert [(parsed, bytes(raw) if raw else raw) for parsed, raw in rows] == [({"a": [1]}, b'{"b": 2}'), (None, None)]
