"""The Conversations API: `/meetings`, `/calls`, `/swagger` and `/swagger-json`, a dialect with shapes of its own.

Owns: nothing.
Publishes: nothing.
Listens: nothing.
Never: holds a rule about conversations; every wire name stands in `wire`.
"""

from callfloor.conversations_api.app import create_app

__all__ = ["create_app"]
