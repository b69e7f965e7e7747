"""Who may do what: accounts, memberships, keys, roles, and the audit trail.

Owns: account, membership, access_key, access_key_secret, access_key_notice, session, audit_entry, audit_seal.
Publishes: key.created, key.changed, key.rotated, key.rotation_ended, key.deleted.
Listens: nothing.
Never: knows what a team pays for, or what a seat is.
"""
