"""Alembic's entry: runs inside the connection and transaction that `foundation.database.migrate` opened."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from callfloor.foundation.database.types import Json, metadata
from callfloor.migrations.tables import load


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write a JSON column as the text it is kept as: a migration imports nothing of ours."""
    return "sa.Text()" if kind == "type" and isinstance(item, Json) else False


load()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=_render,
    transactional_ddl=False,
)
context.run_migrations()
