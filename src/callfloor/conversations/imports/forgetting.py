"""What imports keep of the rows they read, forgotten when somebody of the team is erased."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from callfloor.conversations.imports.tables import ImportState, conversation_import, import_key, import_refusal
from callfloor.conversations.incoming import ABANDONED_AFTER, announce_file
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, any_of, param

_AT_REST = (ImportState.STOPPED.value, ImportState.FAILED.value, ImportState.DONE.value)

_c, _r, _k = conversation_import.c, import_refusal.c, import_key.c
_at_rest = select(_c.id, _c.csv_key).where(_c.team_id == param("team_id"), any_of(_c.state, "states")).with_for_update()
_forget_files = update(import_refusal).where(_r.team_id == param("team"), _r.file.is_not(None)).values(file=None)
_forget_keys = delete(import_key).where(_k.team_id == param("team_id"), _k.import_id == param("import_id"))
_forget_place = (
    update(conversation_import)
    .where(_c.team_id == param("team"), _c.id == param("import_id"))
    .values(position=None, csv_key=None)
)


def forget_histories(tx: Tx, team_id: int, *, now: Millis) -> None:
    """Forget names of files, tables and places of the team's imports that nobody works on.

    One that was stopped begins its folder anew when it is resumed, and finds what it created; a table has to be sent
    again. What a running import keeps, it loses at its end.
    """
    tx.run(_forget_files, {"team": team_id})
    for import_id, csv_key in tx.all(_at_rest, {"team_id": team_id, "states": list(_AT_REST)}):
        tx.run(_forget_place, {"team": team_id, "import_id": import_id})
        tx.run(_forget_keys, {"team_id": team_id, "import_id": import_id})
        if csv_key is not None:
            announce_file(tx, team_id, import_id, csv_key, now=now - ABANDONED_AFTER)
