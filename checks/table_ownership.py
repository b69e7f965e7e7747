"""A table is built in its domain's `tables.py` (or `…_tables.py`) and changed only there; domains above may select.

Otherwise a column's meaning is settled in two places, and nobody can say who keeps a counter right.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from checks.tree import PACKAGE, Breach, Module, Tree

CHANGES = {"insert", "update", "delete", "upsert"}


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find tables built outside a `tables.py` or `…_tables.py`, and changes of another domain's table."""
    for module in tree.source:
        for call, name in module.calls():
            if name == "sqlalchemy.Table" and not _holds_tables(module):
                yield module.breach(call, "a table is built in its domain's tables.py")
            owner = _owner(module, _changed(call, name))
            if owner not in (None, module.domain):
                yield module.breach(call, f"changes a table of {owner}; call a verb of {owner} instead")


def _holds_tables(module: Module) -> bool:
    """Return whether tables may be built here; the foundation's small modules hold the one table they are about."""
    return module.domain == "foundation" or (
        (module.name == "tables" or module.name.endswith("_tables")) and module.domain not in (None, "migrations")
    )


def _changed(call: ast.Call, name: str) -> ast.expr | None:
    """Return the expression that names the table changed by `insert(table)` or `table.insert()`."""
    if name.rpartition(".")[2] not in CHANGES:
        return None
    if call.args and name.startswith(("sqlalchemy.", f"{PACKAGE}.foundation.database.")):
        return call.args[0]
    return call.func.value if isinstance(call.func, ast.Attribute) else None


def _owner(module: Module, table: ast.expr | None) -> str | None:
    parts = module.full_name(table).split(".") if table is not None else []
    return parts[1] if parts[0:1] == [PACKAGE] and len(parts) > 3 else None
