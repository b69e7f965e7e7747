"""What goes wrong, as types.

CallfloorError
├── NoCredentials            the client was given no key of the API that was asked
├── NoAnswer                 the server was not reached, or the answer did not come whole
│   └── TimedOut
├── UnreadableAnswer         an answer that is none of this API
├── SignatureInvalid         a webhook that Callfloor did not send, or not now
└── Refused                  the server's own refusal
    ├── InvalidInput         400, 413, 415, 422: `errors` names the fields
    ├── NotAuthenticated     401, and 403 of the Conversations API: no key, or one that is not valid any more
    ├── NotPermitted         403, code 1023 of the Portal API: the key may not do this
    ├── NotFound             404, 410
    ├── Conflict             409, 423: the state of things does not allow it
    ├── Changed              412: somebody else changed it meanwhile
    ├── TooManyRequests      429: `retry_after` says for how many seconds
    └── ServerFailed         5xx
"""

from __future__ import annotations

from dataclasses import dataclass


class CallfloorError(Exception):
    """Whatever this package raises on purpose."""


class NoCredentials(CallfloorError):
    """The client was given no key of the API that was asked."""


class NoAnswer(CallfloorError):
    """The server was not reached, or its answer did not come whole: what was asked may have been done."""


class TimedOut(NoAnswer):
    """The server took longer than the client's `timeout`."""


class UnreadableAnswer(CallfloorError):
    """An answer that is none of this API: another server stands at the address, or a much older one."""


class SignatureInvalid(CallfloorError):
    """A webhook that was not signed by the secret, or too long ago."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """A wrong field of a request: `expected` says what is expected there, in the server's words."""

    field: str
    expected: str


class Refused(CallfloorError):
    """The server's refusal.

    Args:
        status: of HTTP.
        code: stable, made for programs: `seat_is_not_empty`; of the Portal API `SEAT_IS_NOT_EMPTY`.
        message: for people.
        request_id: stands in the server's log.
        errors: wrong fields, where the input was wrong.
        retry_after: after how many seconds the same may be asked again, where the server said so.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        request_id: str | None = None,
        errors: tuple[FieldError, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        wrong = "; ".join(f"{error.field}: {error.expected}" for error in errors)
        more = f" ({wrong})" if wrong not in message else ""
        super().__init__(f"{status} {code}: {message}{more} [request {request_id}]")
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.errors = errors
        self.retry_after = retry_after


class InvalidInput(Refused):
    """400, 413, 415, 422: `errors` names the fields."""


class NotAuthenticated(Refused):
    """401, and 403 of the Conversations API: no key, or one that is not valid any more."""


class NotPermitted(Refused):
    """The key may not do this."""


class NotFound(Refused):
    """There is no such thing in this team."""


class Conflict(Refused):
    """The state of things does not allow it."""


class Changed(Refused):
    """412: it is not any more what `if_match` said, and nothing was done."""


class TooManyRequests(Refused):
    """429: `retry_after` says for how many seconds."""


class ServerFailed(Refused):
    """5xx: the server's fault, or something that it needs does not answer."""
