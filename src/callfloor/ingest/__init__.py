"""What agents report comes in here: checked, kept once, and handed on to usage, live and the devices' leases.

Owns: agent_event.
Publishes: nothing.
Listens: nothing.
Never: adds calls up or decides what a device is shown as; those are verbs of usage and live.
"""
