"""Rows of the audit trail are only ever added: nothing updates or deletes them but the numbering after the commit.

An entry that a clean-up or a correction rewrites breaks the chain of seals, and proves nothing any more. One module may
take the words of an entry, and leaves the digest that the seal covers.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.tree import PACKAGE, Breach, Tree

TABLES = {f"{PACKAGE}.access.tables.{name}" for name in ("audit_entry", "audit_seal")}
CHANGES = {"update", "delete", "upsert"}
ERASES = "access/redacting.py"


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find changes of the trail, by `update(table)` or `table.update()`."""
    for module in tree.source:
        for call, name in module.calls():
            owner, _, verb = name.rpartition(".")
            if verb not in CHANGES:
                continue
            named = {module.full_name(argument) for argument in call.args[:1]} | {owner}
            if named & TABLES and not (module.path.endswith(ERASES) and verb == "update"):
                yield module.breach(call, "the audit trail is only ever added to")
