"""Transactions begin and end in `foundation/database/` and nowhere else.

A commit in the middle of a verb leaves half a change behind when the other half fails.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from checks.tree import SOURCE, Breach, Tree

CALLS = {"begin", "begin_nested", "commit", "rollback", "savepoint", "transaction"}
SQL = re.compile(r"\s*(BEGIN|COMMIT|END TRANSACTION|ROLLBACK|SAVEPOINT|RELEASE|START TRANSACTION)\b")


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find what begins or ends a transaction outside the seam."""
    for module in tree.source:
        if module.path.startswith(f"{SOURCE}/foundation/database/"):
            continue
        for call, _ in module.calls():
            if isinstance(call.func, ast.Attribute) and call.func.attr in CALLS:
                yield module.breach(call, f".{call.func.attr}() belongs to foundation/database; use db.write(verb)")
            for argument in call.args:
                if isinstance(argument, ast.Constant) and SQL.match(str(argument.value)):
                    yield module.breach(call, f"{argument.value!r} belongs to foundation/database; use db.write(verb)")
