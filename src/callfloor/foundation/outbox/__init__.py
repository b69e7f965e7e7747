"""The outbox: events are rows in the transaction of what they tell, numbered after its commit."""

from callfloor.foundation.outbox.events import OUTBOX, Event, NumberedEvent, events_after, publish, publish_all
from callfloor.foundation.outbox.following import Follower

__all__ = ["OUTBOX", "Event", "Follower", "NumberedEvent", "events_after", "publish", "publish_all"]
