"""Meetings and calls: what was recorded, who took part, what was said, and how far the analysis is.

Owns: conversation, conversation_participant, conversation_domain, conversation_count, recording, incoming_file,
resumable_upload, muted_interval, unmuted_recording, transcript_segment, conversation_change, conversation_comment,
conversation_edit, conversation_person, retention_rule, legal_hold, erasure, erasure_item, redaction, search_entry,
search_slot, conversation_import, import_refusal, import_key.
Publishes: call.received, meeting.received, call.analyzed, meeting.analyzed, call.failed, meeting.failed, call.edited,
meeting.edited, call.redacted, meeting.redacted, call.erased, meeting.erased.
Listens: nothing.
Never: decodes or transcribes; `analysis` does, and hands the outcome to the verbs of `outcomes`.
"""
