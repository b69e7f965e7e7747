"""Alembic's entry: runs inside the connection and transaction that `foundation.database.migrate` opened."""

from __future__ import annotations

from alembic import context

from callfloor.foundation.database.types import metadata
from callfloor.migrations.tables import load

load()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
