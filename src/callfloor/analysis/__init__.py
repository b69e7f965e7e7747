"""What a recording becomes: words with times, who said them, and measures of the talk.

Owns: nothing; the outcome is stored by the verbs of `conversations.outcomes`.
Publishes: nothing of its own; `conversations` announces what was stored.
Listens: the job transcribe_conversation, which an arriving conversation enqueues.
Never: answers a request, or holds a transaction while it computes.
"""
