"""The vendor's desktop app: following it over its local Socket.IO interface, and a stand-in of it."""

HOST = "127.0.0.1"
PORTS = (50190, 50191, 50192)
"""The app listens on the first that is free."""
VERSION = "1.0.0"
"""Of the interface, told in the query when connecting."""
TOPICS = ("devices", "nc", "ac", "in_call")
EVENT_OF_TOPIC = {"devices": "device_state", "nc": "nc_state", "ac": "ac_state", "in_call": "in_call_state"}
REQUEST_OF_TOPIC = {
    "devices": "get_device_state",
    "nc": "get_nc_state",
    "ac": "get_ac_state",
    "in_call": "get_in_call_state",
}
