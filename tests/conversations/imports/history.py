"""Histories of telephony systems as they write them, made here: tables of calls and folders of recordings."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.factories.audio import make_wav

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = datetime.datetime(2024, 1, 5, 10, 15, 30, tzinfo=BERLIN)
CDR_COLUMNS = (
    *("calldate", "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "duration"),
    *("billsec", "disposition", "amaflags", "accountcode", "uniqueid", "userfield", "did", "recordingfile"),
    *("cnum", "cnam", "linkedid"),
)
"""Of FreePBX's table `cdr`."""


def unique_id(number: int) -> str:
    """Return the unique id of the call of this number; each begins a minute after the one before."""
    return f"{int(began(number).timestamp())}.{number}"


def began(number: int) -> datetime.datetime:
    """Return when the call of this number began."""
    return FIRST + datetime.timedelta(minutes=number)


def cdr_row(number: int, **changed: str) -> dict[str, str]:
    """Return an answered, recorded call from outside, as the table `cdr` has it."""
    moment = began(number)
    uid = unique_id(number)
    return {
        "calldate": moment.strftime("%Y-%m-%d %H:%M:%S"),
        "clid": f'"Cleo Customer" <+4930{number:06}>',
        "src": f"+4930{number:06}",
        "dst": "101",
        "dcontext": "from-trunk",
        "channel": f"PJSIP/trunk-{number:08x}",
        "dstchannel": f"PJSIP/101-{number:08x}",
        "lastapp": "Dial",
        "lastdata": "PJSIP/101,30",
        "duration": "65",
        "billsec": "60",
        "disposition": "ANSWERED",
        "amaflags": "3",
        "uniqueid": uid,
        "did": "+4930999",
        "recordingfile": f"external-101-+4930{number:06}-{moment:%Y%m%d-%H%M%S}-{uid}.wav",
        "linkedid": uid,
        **changed,
    }


def cdr_table(rows: Iterable[Mapping[str, str]], delimiter: str = ",") -> bytes:
    """Return the table `cdr` as it is exported, with its header."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(CDR_COLUMNS)
    writer.writerows([row.get(column, "") for column in CDR_COLUMNS] for row in rows)
    return out.getvalue().encode()


def master_csv(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Return a `Master.csv`, which has no header."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    for row in rows:
        start = row["calldate"]
        cells = [row.get(name, "") for name in ("accountcode", "src", "dst", "dcontext", "clid", "channel")]
        cells += [row.get(name, "") for name in ("dstchannel", "lastapp", "lastdata")]
        times = [start, start, start, 65, 60]
        writer.writerow([*cells, *times, row["disposition"], "DOCUMENTATION", row["uniqueid"], ""])
    return out.getvalue().encode()


def keep_recording(folder: Path, row: Mapping[str, str], content: bytes | None = None) -> Path:
    """Put the row's recording where FreePBX does, below its day's folder; return its path."""
    year, month, day = row["calldate"][:10].split("-")
    path = folder / year / month / day / row["recordingfile"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_wav(seconds=0.02) if content is None else content)
    return path
