"""Which watcher suits the operating system the agent runs on."""

from __future__ import annotations

import sys

from callfloor_agent.audio import Changed, MicrophoneWatcher
from callfloor_agent.audio.coreaudio import CoreAudioWatcher
from callfloor_agent.audio.pulse import PulseWatcher
from callfloor_agent.audio.windows import ConsentWatcher, registry_entries


def watcher_for_this_system(changed: Changed) -> MicrophoneWatcher:
    """Return the watcher for Linux, Windows or macOS; another system is taken for one with PulseAudio."""
    platform: str = sys.platform
    if platform == "win32":
        return ConsentWatcher(changed, registry_entries)
    if platform == "darwin":
        return CoreAudioWatcher(changed)
    return PulseWatcher(changed)
