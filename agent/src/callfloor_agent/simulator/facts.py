"""What the people and the machines of a simulated fleet are called, and how often what happens to them."""

from __future__ import annotations

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

FIRST_NAMES = ("ada", "ben", "chloe", "dana", "emil", "fatima", "greta", "hugo", "ines", "jonas", "kim", "lena")
LAST_NAMES = ("adler", "brandt", "costa", "dubois", "evans", "fischer", "garcia", "hansen", "ito", "jansen", "kaya")
LANGUAGES = ("en-US", "en-GB", "de-DE", "es-ES", "fr-FR", "pt-BR", "it-IT", "nl-NL", "pl-PL", "tr-TR")
LANGUAGE_WEIGHTS = (40, 12, 14, 10, 8, 6, 4, 3, 2, 1)
APPS = ("Genesys Cloud", "Zoom", "Microsoft Teams", "Five9", "Asterisk softphone")
APP_WEIGHTS = (40, 20, 20, 12, 8)
HEADSETS = ("Jabra Evolve2 65", "Poly Voyager 4320", "EPOS Impact 860", "Logitech Zone 900")
FAULTS = ("microphone cannot be opened", "speaker is gone", "headset was unplugged")

SHIFT_HOURS = (7.5, 9.0)
BREAK_MINUTES = (8.0, 35.0)
FAULT_MINUTES = (0.5, 12.0)
GAP_SECONDS = 95.0
"""Between two calls, on average, above the shortest of five seconds."""
CALL_MU, CALL_SIGMA = 5.2, 0.7
"""Of the lognormal length of a call: half of them are shorter than three minutes, one in a hundred longer than 15."""
CALL_SECONDS = (8.0, 7200.0)
CORRECTION_MINUTES = (2.0, 10.0)
CORRECTION_ADDS_SECONDS = (1.0, 90.0)
"""Shorter than the shortest wait for it: nothing ends after it was told."""

CORRECTION_SHARE = 0.01
FAULT_SHARE = 0.008
MUTE_SHARE = 0.15
HOT_DESK_SHARE = 0.2
"""Of machines at which another person takes over in the middle of the shift."""
LATE_SHARE = 0.15
"""Of shifts that the machine's second person works."""
CONVERTS_ACCENTS_SHARE = 0.3
DETECTED_LANGUAGE_SHARE = 0.1
"""Of calls in another language than the machine's usual one."""
WEEKEND_SHARE = 0.2
RELEASE_DAYS = 28
FIRST_RELEASE = 700
"""Releases since 1970 that are not counted in the version."""


def person(number: int) -> str:
    """Return the OS user name of the person of this number; no two have the same."""
    round_, first, last = number // 132, number % len(FIRST_NAMES), number % len(LAST_NAMES)
    return f"{FIRST_NAMES[first]}.{LAST_NAMES[last]}{round_ or ''}"


def version(release: int) -> str:
    """Return the version of the release of this number since 1970."""
    return f"2.{release - FIRST_RELEASE}.0"
