"""Every module that defines tables; importing this fills the one MetaData."""

import importlib

MODULES = (
    "callfloor.foundation.idempotency",
    "callfloor.foundation.numbers",
    "callfloor.foundation.outbox.tables",
    "callfloor.foundation.jobs.tables",
    "callfloor.foundation.limits.tables",
    "callfloor.foundation.live_servers",
    "callfloor.foundation.sequence.tables",
    "callfloor.access.tables",
    "callfloor.webhooks.tables",
    "callfloor.teams.tables",
    "callfloor.devices.tables",
    "callfloor.live.tables",
    "callfloor.usage.tables",
    "callfloor.usage.reclaim.tables",
    "callfloor.ingest.tables",
    "callfloor.conversations.tables",
    "callfloor.conversations.change_tables",
    "callfloor.conversations.editing_tables",
    "callfloor.conversations.stewardship_tables",
    "callfloor.conversations.muting_tables",
    "callfloor.conversations.tus_tables",
    "callfloor.conversations.search_tables",
    "callfloor.conversations.imports.tables",
)


def load() -> None:
    """Import every module with tables."""
    for module in MODULES:
        importlib.import_module(module)
