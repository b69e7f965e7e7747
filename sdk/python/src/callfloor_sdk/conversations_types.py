"""Types of the Conversations API, for annotations."""

from callfloor_sdk.generated.conversations_types import *  # noqa: F403  # its __all__ is written with it
