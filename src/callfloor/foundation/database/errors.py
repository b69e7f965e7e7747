"""Driver exceptions become these three; what a driver raises is named here and in `postgres_errors` alone."""

from __future__ import annotations

from collections.abc import Callable

import apsw

from callfloor.foundation.errors import Unavailable


class PlanError(Exception):
    """A statement the seam refuses, or parameters that are not the statement's."""


class Clash(Exception):
    """A unique, foreign key or check constraint refused the change; `constraint` is the driver's text."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class Busy(Unavailable):
    """Another writer held the lock for too long, or a limit on the statement's time ran out."""


class Gone(Unavailable):
    """The database cannot be reached, or its disk is full."""

    retry_after_seconds = 5


Translation = Callable[[BaseException], Exception | None]
"""Returns ours for what a driver raised, or None for what is not its."""


class Translated:
    """Turns what the drivers raise inside into Clash, Busy or Gone; a class, since every read passes through it."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is not None:
            ours = _translation(error)
            if ours is not None:
                raise ours from error


_TRANSLATED = Translated()


def translated() -> Translated:
    """Return what turns the drivers' exceptions into ours, for a `with`."""
    return _TRANSLATED


def translate_too(translation: Translation) -> None:
    """Translate what another driver raises, which is loaded only where it is used."""
    _TRANSLATIONS.append(translation)


def _translation(error: BaseException) -> Exception | None:
    for translation in _TRANSLATIONS:
        ours = translation(error)
        if ours is not None:
            return ours
    return None


def _of_sqlite(error: BaseException) -> Exception | None:
    if isinstance(error, apsw.ConstraintError):
        return Clash(str(error))
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return Busy("another process is writing to the database")
    if isinstance(error, apsw.FullError | apsw.IOError | apsw.CantOpenError | apsw.ConnectionClosedError):
        return Gone(f"the database file cannot be used: {error}")
    return None


_TRANSLATIONS: list[Translation] = [_of_sqlite]
