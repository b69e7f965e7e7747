"""Callfloor from Python: one client that waits, one that is awaited, for all three APIs."""

from callfloor_sdk.clients import AsyncCallfloor, Callfloor
from callfloor_sdk.errors import (
    CallfloorError,
    Changed,
    Conflict,
    FieldError,
    InvalidInput,
    NoAnswer,
    NoCredentials,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Refused,
    ServerFailed,
    SignatureInvalid,
    TimedOut,
    TooManyRequests,
    UnreadableAnswer,
)
from callfloor_sdk.live import LiveMessage
from callfloor_sdk.paging import AsyncPages, Pages
from callfloor_sdk.requests import UNSET
from callfloor_sdk.retrying import Retries
from callfloor_sdk.tus import UploadFields
from callfloor_sdk.webhooks import WebhookEvent, verify_webhook

__all__ = [
    "UNSET",
    "AsyncCallfloor",
    "AsyncPages",
    "Callfloor",
    "CallfloorError",
    "Changed",
    "Conflict",
    "FieldError",
    "InvalidInput",
    "LiveMessage",
    "NoAnswer",
    "NoCredentials",
    "NotAuthenticated",
    "NotFound",
    "NotPermitted",
    "Pages",
    "Refused",
    "Retries",
    "ServerFailed",
    "SignatureInvalid",
    "TimedOut",
    "TooManyRequests",
    "UnreadableAnswer",
    "UploadFields",
    "WebhookEvent",
    "verify_webhook",
]
