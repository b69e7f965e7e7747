"""What callers do, scene by scene; together they call every method there is."""

from __future__ import annotations

from sdk_support.scenes.conversations import upload_and_correct, upload_in_pieces
from sdk_support.scenes.devices import follow_devices, manage_devices
from sdk_support.scenes.dialects import portal_of_devices, portal_of_people, read_records
from sdk_support.scenes.imports import import_calls
from sdk_support.scenes.people import invite_people, manage_people, reclaim_seats
from sdk_support.scenes.seats import manage_keys, manage_seats, manage_team
from sdk_support.scenes.stewardship import erase_and_hold, redact_and_analyze_anew
from sdk_support.scenes.webhooks import be_told

SCENES = (
    manage_seats,
    manage_team,
    manage_keys,
    invite_people,
    manage_people,
    reclaim_seats,
    manage_devices,
    follow_devices,
    portal_of_people,
    portal_of_devices,
    read_records,
    import_calls,
    upload_and_correct,
    upload_in_pieces,
    erase_and_hold,
    redact_and_analyze_anew,
    be_told,
)
"""In the order in which they are played: the worker is started by the import."""
