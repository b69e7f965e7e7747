"""Machines: how they join a device team or become a person's, who they are, which are shut out.

Owns: device, device_token, device_block, device_authorization, agent_code.
Publishes: device.enrolled, device.logged_in, device.logged_out, device.renamed, device.nicknamed, device.conflicted,
device.settled, device.unassigned, device.reseated, device.blocked, device.unblocked, device.signed_out,
agent_authorization.approved, agent_authorization.denied, agent_code.created, agent_code.withdrawn.
Listens: nothing.
Never: changes a seat but by a verb of teams, or says whether a device is online.
"""
