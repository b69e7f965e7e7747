"""What devices do at this moment, how it came to that, and who watches.

Owns: presence, transition, live_head, live_sweep.
Publishes: device.state_changed.
Listens: device.enrolled, device.logged_in, device.logged_out, device.renamed, device.nicknamed, device.settled,
device.unassigned, device.blocked, device.unblocked.
Never: moves a device's lease, or shows a state whose lease has run out.
"""
