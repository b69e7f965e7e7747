"""The Portal API: one of the two wire dialects, over the same verbs as everything else.

Owns: nothing.
Publishes: nothing.
Listens: nothing.
Never: holds a rule of its own; every wire name stands in `wire`.
"""

from callfloor.portal_api.app import create_app

__all__ = ["create_app"]
