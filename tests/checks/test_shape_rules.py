"""The rules about imports, sizes, names and the doors of domains."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks import banned_names, broad_excepts, domain_docstring, edge_imports, file_length, function_length
from tests.checks.planted import DOMAIN, caught

DOOR = '''\
"""Teams and the seats they pay for.

Owns: team, seat.
Publishes: seat.added.
Listens: nothing.
Never: speaks a wire dialect.
"""
'''
TABLES = "from sqlalchemy import Table\nteam = Table('team')\nseat = Table('seat')\n"


class TestEdgeImports:
    @pytest.mark.parametrize(
        "line", ["import fastapi", "from starlette.responses import Response", "import typer", "import apsw"]
    )
    def test_catches_an_edges_library_in_a_verb_module(self, tmp_path: Path, line: str) -> None:
        assert caught(edge_imports.breaches, tmp_path, {f"{DOMAIN}/seats.py": line}) == [(f"{DOMAIN}/seats.py", 1)]

    def test_lets_the_edges_have_their_own(self, tmp_path: Path) -> None:
        files = {
            f"{DOMAIN}/api.py": "from fastapi import APIRouter\n",
            f"{DOMAIN}/commands.py": "import typer\n",
            "src/callfloor/portal_api/seats.py": "from starlette.requests import Request\n",
            "src/callfloor/foundation/database/sqlite.py": "import apsw\n",
        }

        assert caught(edge_imports.breaches, tmp_path, files) == []

    def test_an_edge_has_only_its_own(self, tmp_path: Path) -> None:
        files = {f"{DOMAIN}/api.py": "import typer\n", f"{DOMAIN}/commands.py": "import fastapi\n"}

        assert len(caught(edge_imports.breaches, tmp_path, files)) == 2


class TestBroadExcepts:
    @pytest.mark.parametrize(
        "handler",
        [
            "except Exception:",
            "except BaseException as error:",
            "except:",
            "except (ValueError, Exception):",
            "except builtins.Exception:",
        ],
    )
    def test_catches_a_handler_of_everything_at_no_edge(self, tmp_path: Path, handler: str) -> None:
        text = f"import builtins\ntry:\n    pass\n{handler}\n    raise\n"
        files = {f"{DOMAIN}/seats.py": text, "agent/src/callfloor_agent/spool.py": text, "tests/test_it.py": text}

        assert caught(broad_excepts.breaches, tmp_path, files) == [
            ("agent/src/callfloor_agent/spool.py", 4),
            (f"{DOMAIN}/seats.py", 4),
        ]

    def test_catches_that_everything_is_suppressed(self, tmp_path: Path) -> None:
        files = {
            f"{DOMAIN}/seats.py": "import contextlib\nwith contextlib.suppress(KeyError, Exception):\n    pass\n",
            f"{DOMAIN}/people.py": "from contextlib import suppress\nwith suppress(KeyError):\n    pass\n",
        }

        assert caught(broad_excepts.breaches, tmp_path, files) == [(f"{DOMAIN}/seats.py", 2)]

    def test_lets_the_edges_have_theirs_but_not_the_end_of_the_thread(self, tmp_path: Path) -> None:
        handler = "try:\n    pass\nexcept {}:\n    raise\n"
        files = {
            "src/callfloor/server/edge.py": handler.format("Exception"),
            "src/callfloor/server/upkeep.py": handler.format("BaseException"),
            "src/callfloor/foundation/database/sqlite_writer.py": handler.format("BaseException"),
        }

        assert caught(broad_excepts.breaches, tmp_path, files) == [("src/callfloor/server/upkeep.py", 3)]

    def test_catches_an_edge_that_is_none_any_more(self, tmp_path: Path) -> None:
        files = {"src/callfloor/server/edge.py": "try:\n    pass\nexcept OSError:\n    raise\n"}

        assert caught(broad_excepts.breaches, tmp_path, files) == [("src/callfloor/server/edge.py", 0)]


class TestFileLength:
    def test_catches_one_line_too_many(self, tmp_path: Path) -> None:
        files = {
            f"{DOMAIN}/seats.py": "a = 1\n" * 400,
            f"{DOMAIN}/people.py": "a = 1\n" * 401,
            "tests/teams/test_seats.py": "a = 1\n" * 600,
            "tests/teams/test_people.py": "a = 1\n" * 601,
        }

        assert caught(file_length.breaches, tmp_path, files) == [
            (f"{DOMAIN}/people.py", 0),
            ("tests/teams/test_people.py", 0),
        ]


class TestFunctionLength:
    def test_catches_one_line_too_many_and_does_not_count_the_docstring(self, tmp_path: Path) -> None:
        docstring = '    """One.\n' + "\n" * 20 + '    """\n'
        files = {
            f"{DOMAIN}/fits.py": "def f():\n" + docstring + "    a = 1\n" * 59,
            f"{DOMAIN}/long.py": "class A:\n  async def f(self):\n" + "    a = 1\n" * 60,
        }

        assert caught(function_length.breaches, tmp_path, files) == [(f"{DOMAIN}/long.py", 2)]


class TestBannedNames:
    def test_catches_a_file_and_a_folder(self, tmp_path: Path) -> None:
        files = {
            f"{DOMAIN}/utils.py": "",
            "src/callfloor/common/seats.py": "",
            "src/callfloor/speech/models.py": "",
            f"{DOMAIN}/seats.py": "",
        }

        assert caught(banned_names.breaches, tmp_path, files) == [
            ("src/callfloor/common/seats.py", 0),
            (f"{DOMAIN}/utils.py", 0),
        ]


class TestDomainDocstring:
    def test_lets_a_true_door_stand(self, tmp_path: Path) -> None:
        files = {f"{DOMAIN}/__init__.py": DOOR, f"{DOMAIN}/tables.py": TABLES}

        assert caught(domain_docstring.breaches, tmp_path, files) == []

    @pytest.mark.parametrize("table", ["Owns: team.", "Owns: team, seat, charge."])
    def test_catches_a_list_that_is_not_the_tables(self, tmp_path: Path, table: str) -> None:
        files = {f"{DOMAIN}/__init__.py": DOOR.replace("Owns: team, seat.", table), f"{DOMAIN}/tables.py": TABLES}

        assert caught(domain_docstring.breaches, tmp_path, files) == [(f"{DOMAIN}/__init__.py", 1)]

    def test_catches_a_silent_door_and_a_missing_one(self, tmp_path: Path) -> None:
        files = {
            f"{DOMAIN}/__init__.py": DOOR.replace("Never: speaks a wire dialect.\n", ""),
            f"{DOMAIN}/tables.py": TABLES,
            "src/callfloor/devices/enrollment.py": "",
            "src/callfloor/foundation/__init__.py": "",
        }

        assert caught(domain_docstring.breaches, tmp_path, files) == [
            ("src/callfloor/devices/__init__.py", 0),
            (f"{DOMAIN}/__init__.py", 1),
        ]
