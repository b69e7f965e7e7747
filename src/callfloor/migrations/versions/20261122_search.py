"""Full-text index of transcripts: FTS5 on SQLite, a GIN index on PostgreSQL; neither is a table of the code."""

from __future__ import annotations

from alembic import op

revision = "20261122_search"
down_revision = "20261122_first_light"
branch_labels = None
depends_on = None

_SQLITE = """
CREATE VIRTUAL TABLE search_text USING fts5(
    team, words, content='', contentless_delete=1, tokenize="unicode61 remove_diacritics 0 categories 'L* N* Co M*'"
)
"""
_POSTGRESQL = (
    "CREATE TABLE search_text (rowid BIGINT PRIMARY KEY, team TEXT NOT NULL, words TSVECTOR NOT NULL)",
    # New rows are found at once, and no search pays for a pending list.
    "CREATE INDEX ix_search_text_words ON search_text USING gin (words) WITH (fastupdate = off)",
)


def upgrade() -> None:
    """Apply."""
    for statement in (_SQLITE,) if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    """Undo."""
    op.execute("DROP TABLE search_text")
