"""Addresses of others that are told what happens: what they are told, signed, sent until it is taken, and written down.

Owns: webhook_endpoint, webhook_delivery, webhook_attempt.
Publishes: webhook.created, webhook.changed, webhook.secret_refreshed, webhook.deleted, webhook.disabled.
Listens: every event of the catalog (`catalog`), by the follower that `server` runs.
Never: writes what an event says of a conversation; who wires it in brings the renderers.
"""
