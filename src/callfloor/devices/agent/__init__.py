"""What the program beside the headset speaks: log-in, log-out, and the guard of its token."""
