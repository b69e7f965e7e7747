"""Programs that kill what they have started, again and again, and look at what is left."""
