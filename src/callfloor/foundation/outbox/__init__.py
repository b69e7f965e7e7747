"""The outbox: events are rows in the transaction of what they tell, numbered after its commit."""

from callfloor.foundation.outbox.events import OUTBOX, Event, NumberedEvent, events_after, publish, publish_all
from callfloor.foundation.outbox.following import Follower
from callfloor.foundation.outbox.forgetting import FORGOTTEN_AT_ONCE, follower_in_the_way, forget_events

__all__ = [
    "FORGOTTEN_AT_ONCE",
    "OUTBOX",
    "Event",
    "Follower",
    "NumberedEvent",
    "events_after",
    "follower_in_the_way",
    "forget_events",
    "publish",
    "publish_all",
]
