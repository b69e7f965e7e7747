r"""Windows: who uses the microphone, as the consent store of the registry tells.

    HKCU\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone
        Value                              Allow or Deny, for the whole user
        PACKAGE_FAMILY_NAME                an app of the store
        NonPackaged\C:#Folder#Program.exe  any other program, its path with # for \
            LastUsedTimeStart, LastUsedTimeStop    FILETIME; the stop is 0 while the program uses the microphone

Windows does not tell here which device is used, nor whether it is muted.
"""

from __future__ import annotations

import asyncio
import ctypes
import dataclasses
import logging
import sys
from collections.abc import Callable, Iterable, Iterator

from callfloor_agent.audio import SOURCE, Changed
from callfloor_agent.clock import wall_ms
from callfloor_agent.sight import Device, Side, Sight

log = logging.getLogger(__name__)

STORE = r"Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone"
NON_PACKAGED = "NonPackaged"
LOOK_SECONDS = 2.0
FILETIME_EPOCH_MS = 11_644_473_600_000
"""From 1601, where FILETIME begins, to 1970."""
FILETIMES_PER_MS = 10_000
Value = str | int


@dataclasses.dataclass(frozen=True)
class ConsentEntry:
    r"""One key of the store.

    Args:
        path: of the key below the store, its parts joined by a backslash; empty for the store itself.
        values: by name.
    """

    path: str
    values: dict[str, Value]

    @property
    def app_name(self) -> str:
        """Return the program's file name without `.exe`, or the name of the package."""
        last = self.path.rpartition("\\")[2]
        if self.path.startswith(f"{NON_PACKAGED}\\"):
            name = last.rpartition("#")[2]
            return name[:-4] if name.lower().endswith(".exe") else name
        return last.partition("_")[0]

    def used_since(self) -> int | None:
        """Return since when the program uses the microphone, epoch milliseconds; None if it does not."""
        start, stop = self.values.get("LastUsedTimeStart"), self.values.get("LastUsedTimeStop")
        if not isinstance(start, int) or start == 0 or stop != 0:
            return None
        return start // FILETIMES_PER_MS - FILETIME_EPOCH_MS


Entries = Callable[[], Iterable[ConsentEntry]]


class ConsentWatcher:
    """Looks at the store every two seconds.

    Args:
        changed: told what is seen.
        entries: reads the store.
        booted_at: epoch milliseconds; use that began before it ended with a crash, and never got its stop.
    """

    def __init__(self, changed: Changed, entries: Entries, *, booted_at: int | None = None) -> None:
        self.problem: str | None = None
        self._changed = changed
        self._entries = entries
        self._booted_at = windows_booted_at() if booted_at is None else booted_at

    async def run(self) -> None:
        """Watch until canceled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Look once."""
        try:
            sight = sight_of(self._entries(), booted_at=self._booted_at)
        except OSError as error:
            if self.problem is None:
                log.warning("microphone use cannot be followed: %s", error)
            self.problem = f"the consent store of Windows cannot be read: {error}"
            self._changed(None)
        else:
            self.problem = None
            self._changed(sight)


def sight_of(entries: Iterable[ConsentEntry], *, booted_at: int) -> Sight:
    """Return what the store tells.

    Args:
        entries: of the store.
        booted_at: epoch milliseconds.
    """
    is_denied = False
    using: list[tuple[int, str]] = []
    for entry in entries:
        if not entry.path:
            is_denied = entry.values.get("Value") == "Deny"
        since = entry.used_since()
        if since is not None and since >= booted_at:
            using.append((since, entry.app_name))
    using.sort()
    return Sight(
        SOURCE,
        in_call=bool(using),
        in_call_changed_at=using[0][0] if using else None,
        mic=Side(Device(None, is_usable=not is_denied)),
        speaker=Side(Device(None)),
        app_names=tuple(dict.fromkeys(name for _, name in using)),
    )


def windows_booted_at() -> int:
    """Return when Windows began to run, epoch milliseconds; 0 elsewhere."""
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        kernel.GetTickCount64.restype = ctypes.c_uint64
        return wall_ms() - int(kernel.GetTickCount64())
    return 0


def registry_entries() -> Iterator[ConsentEntry]:
    """Read the store of the user who runs the agent.

    Raises:
        OSError: it is not there, as before Windows 10 version 1903.
    """
    if sys.platform == "win32":
        yield from _keys_below("", 2)
    else:
        raise OSError("there is no registry on this system")


if sys.platform == "win32":
    import winreg

    def _keys_below(path: str, depth: int) -> Iterator[ConsentEntry]:
        full = f"{STORE}\\{path}" if path else STORE
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, full) as key:
            children, count, _ = winreg.QueryInfoKey(key)
            values = {name: data for name, data, _ in (winreg.EnumValue(key, number) for number in range(count))}
            names = [winreg.EnumKey(key, number) for number in range(children)]
        yield ConsentEntry(path, values)
        for name in names if depth else ():
            yield from _keys_below(f"{path}\\{name}" if path else name, depth - 1)
