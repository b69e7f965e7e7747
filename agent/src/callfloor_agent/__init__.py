"""The program beside the headset: follows calls and devices, and tells Callfloor; it imports nothing of the server."""

VERSION = "0.1.0"
