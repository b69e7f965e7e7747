"""No constraint is deferrable.

A deferred constraint fails at COMMIT, and on SQLite one COMMIT serves many verbs: the innocent would fail with it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from checks.tree import SOURCE, Breach, Module, Tree

KEYWORDS = {"deferrable", "initially"}
SQL = re.compile(r"\b(DEFERRABLE|INITIALLY\s+DEFERRED|defer_foreign_keys)\b", re.IGNORECASE)


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find deferrable constraints in tables and in migrations."""
    migrations = (tree.root / SOURCE / "migrations/versions").glob("*.py")
    written = (Module(tree.relative(path), path.read_text(encoding="utf-8")) for path in sorted(migrations))
    for module in (*tree.source, *written):
        for call, _ in module.calls():
            if any(keyword.arg in KEYWORDS for keyword in call.keywords):
                yield module.breach(call, "a deferred constraint fails its neighbours at COMMIT")
            for argument in call.args:
                if isinstance(argument, ast.Constant) and SQL.search(str(argument.value)):
                    yield module.breach(call, "a deferred constraint fails its neighbours at COMMIT")
