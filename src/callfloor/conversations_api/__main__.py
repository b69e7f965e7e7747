"""Writes the OpenAPI document to stdout, as it is checked in: with the default limits."""

from __future__ import annotations

import sys

import msgspec

from callfloor.conversations_api.openapi import document
from callfloor.foundation.settings import Upload

sys.stdout.write(msgspec.json.format(msgspec.json.encode(document(Upload()))).decode() + "\n")
