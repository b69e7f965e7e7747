"""The one way out: HTTP requests to addresses that users name, which must not lead into the operator's network."""

from callfloor.foundation.outgoing.addresses import (
    ADDRESS_PATTERN,
    MAX_URL_LENGTH,
    AddressRefused,
    OutgoingRules,
    check_address,
    rules_of,
)
from callfloor.foundation.outgoing.client import Answer, AnswerTooLarge, RequestFailed, fetched, send

__all__ = [
    "ADDRESS_PATTERN",
    "MAX_URL_LENGTH",
    "AddressRefused",
    "Answer",
    "AnswerTooLarge",
    "OutgoingRules",
    "RequestFailed",
    "check_address",
    "fetched",
    "rules_of",
    "send",
]
