"""The web, the command line and the database drivers are known at the edges only, each at its own.

A verb that knows the web cannot be called by a job; a route that knows a driver works on one database.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.tree import SOURCE, Breach, Module, Tree

WEB = {"fastapi", "starlette", "uvicorn"}
COMMAND_LINE = {"typer", "click"}
DRIVERS = {"apsw", "psycopg", "psycopg_pool"}
ALLOWED = {
    **dict.fromkeys(
        WEB,
        ("/api.py", "_api.py", "/guard.py", "/foundation/web.py", "/server/", "/portal_api/", "/conversations_api/"),
    ),
    **dict.fromkeys(COMMAND_LINE, ("commands.py", "/server/", "/foundation/command_line.py")),
    **dict.fromkeys(DRIVERS, ("/foundation/database/",)),
}


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find imports of an edge's library elsewhere."""
    for module in tree.source:
        for _, full, line in module.imports():
            library = full.partition(".")[0]
            if library in ALLOWED and not _is_allowed(module, ALLOWED[library]):
                yield module.breach(line, f"{library} is imported only in {', '.join(ALLOWED[library])}")


def _is_allowed(module: Module, places: tuple[str, ...]) -> bool:
    path = module.path.removeprefix(SOURCE)
    return any(path.endswith(place) if place.endswith(".py") else path.startswith(place) for place in places)
