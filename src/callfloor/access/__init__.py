"""Who may do what: accounts, memberships, keys, roles, and the audit trail.

Owns: account, membership, access_key, session, audit_entry.
Publishes: key.created, key.deleted, account.created.
Listens: nothing.
Never: knows what a team pays for, or what a seat is.
"""
