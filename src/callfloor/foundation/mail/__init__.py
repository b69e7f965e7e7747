"""Mail: enqueued in a verb's transaction, rendered and sent by a job, the very same message at each try.

A verb calls ``enqueue_mail(tx, Mail(to=…, template="invitation", args={…}, team_id=…, now=…))``. The program that runs
jobs hands `send_mail_kind` a renderer for each template: it reads what the mail is about when the mail is sent, so that
no secret stands in a job's row and a mail that has lost its meaning is not sent.
"""

from callfloor.foundation.mail.messages import Action, Content, build_message
from callfloor.foundation.mail.sending import (
    SEND_MAIL,
    Mail,
    Renderer,
    WaitingMail,
    enqueue_mail,
    send_mail_kind,
    waiting_in_vain,
    waiting_mail,
)
from callfloor.foundation.mail.smtp import MailServer, deliver, mail_server

__all__ = [
    "SEND_MAIL",
    "Action",
    "Content",
    "Mail",
    "MailServer",
    "Renderer",
    "WaitingMail",
    "build_message",
    "deliver",
    "enqueue_mail",
    "mail_server",
    "send_mail_kind",
    "waiting_in_vain",
    "waiting_mail",
]
