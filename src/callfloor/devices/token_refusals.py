"""Why an agent that waits for its person gets no token, by the codes of RFC 8628 and RFC 6749."""

from __future__ import annotations

from callfloor.foundation.errors import DomainError


class TokenRefused(DomainError):
    """The agent gets no token now; the codes are those of RFC 8628, section 3.5 and RFC 6749, section 5.2.

    TokenRefused
    ├── AuthorizationPending   ask again after the interval
    ├── SlowDown               the same, and the interval is longer from now on
    ├── AccessDenied           the person refused, or holds no seat any more
    ├── ExpiredToken           nobody confirmed in time: begin anew
    └── InvalidGrant           no code of ours, or its token was given already
    """

    status = 400


class AuthorizationPending(TokenRefused):
    """See `TokenRefused`."""

    code = "authorization_pending"

    def __init__(self, interval_seconds: int) -> None:
        super().__init__("nobody has confirmed this machine yet")
        self.retry_after_seconds = interval_seconds


class SlowDown(TokenRefused):
    """See `TokenRefused`."""

    code = "slow_down"

    def __init__(self, interval_seconds: int) -> None:
        super().__init__(f"asked too soon; ask every {interval_seconds} seconds from now on")
        self.retry_after_seconds = interval_seconds


class AccessDenied(TokenRefused):
    """See `TokenRefused`."""

    code = "access_denied"


class ExpiredToken(TokenRefused):
    """See `TokenRefused`."""

    code = "expired_token"


class InvalidGrant(TokenRefused):
    """See `TokenRefused`."""

    code = "invalid_grant"
