"""How much people talk: calls as agents report them, and what they add up to by day, week and month.

Owns: call_record, usage_day, usage_week, usage_month, usage_quarter, usage_count, usage_unfolded, usage_fold,
reclaim_policy, reclaim_run, reclaim_case.
Publishes: seat_reclaim.changed, seat.reclaim_noticed, seat.reclaim_canceled, seat.reclaimed, seat.restored.
Listens: nothing.
Never: decides whether a call is believed; that is ingest's.
"""
