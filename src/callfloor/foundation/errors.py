"""The roots of all errors that a caller can act on.

DomainError                 what the caller asked cannot be; subclasses stand beside the verb that raises them
├── InvalidInput            malformed input; names the fields
└── (domain errors …)
Unavailable                 something outside failed for now; the same call may succeed later
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence


class DomainError(Exception):
    """A refusal with a stable code; each dialect maps the code to its own wire name."""

    code = "refused"
    status = 409
    retry_after_seconds: int | None = None
    """When the same call may be allowed, where that is known."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclasses.dataclass(frozen=True, slots=True)
class FieldError:
    """One field that was wrong, and what was expected of it."""

    field: str
    message: str


class InvalidInput(DomainError):
    """Input that does not have the agreed form."""

    code = "validation_error"
    status = 422

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{e.field}: {e.message}" for e in errors))
        self.errors = tuple(errors)


def invalid(field: str, message: str) -> InvalidInput:
    """Return the error of a single wrong field."""
    return InvalidInput([FieldError(field, message)])


class Unavailable(Exception):
    """Something this call needs does not answer now: counted and retried, not alarmed."""

    retry_after_seconds = 1
