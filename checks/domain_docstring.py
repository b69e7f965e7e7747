"""The door of a domain says what it owns, publishes, listens to and never does; what it owns are its tables."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from checks.tree import SOURCE, Breach, Module, Tree

EXEMPT = {"foundation", "speech", "migrations", "server", "portal_api", "conversations_api"}
"""Not domains: what all stand on, the plain library, and the edges; they own no team's table."""
WORDS = ("Owns", "Publishes", "Listens", "Never")


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find doors that say too little, and lists of tables that are not the tables."""
    domains: dict[str, list[Module]] = {}
    for module in tree.source:
        if module.domain is not None and module.domain not in EXEMPT:
            domains.setdefault(module.domain, []).append(module)
    for domain, modules in domains.items():
        door = next((m for m in modules if m.path == f"{SOURCE}/{domain}/__init__.py"), None)
        if door is None:
            yield Breach(f"{SOURCE}/{domain}/__init__.py", 0, "a domain has a door: write its docstring")
        else:
            yield from _wrong(door, {name for module in modules for name in _tables(module)})


def _wrong(door: Module, tables: set[str]) -> Iterator[Breach]:
    text = ast.get_docstring(door.tree) or ""
    for word in WORDS:
        if f"\n{word}:" not in text:
            yield door.breach(1, f"the docstring has no line that begins with {word}:")
    owns = re.search(r"\nOwns:(.*?)(?=\n[A-Z][a-z]+:|\Z)", text, re.DOTALL)
    names = owns.group(1).partition(";")[0] if owns else ""
    said = {name.strip(" `.\n") for name in names.split(",")} - {"nothing", ""}
    if owns and said != tables:
        yield door.breach(1, f"Owns says {_listed(said)}, the tables are {_listed(tables)}")


def _tables(module: Module) -> Iterator[str]:
    for call, name in module.calls():
        if name == "sqlalchemy.Table" and call.args and isinstance(call.args[0], ast.Constant):
            yield str(call.args[0].value)


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
