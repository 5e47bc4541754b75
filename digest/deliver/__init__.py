"""Bytes in, outcomes out: the SMTP stage.

    retry      what a reply means, when to try again            (pure)
    envelope   who to whom, and the commands that say so        (pure)
    pace       how fast, and how patient after trouble          (pure)
    replies    one SMTP line: replies in, commands out
    smtp       one connection: open, send, close; the only home of aiosmtplib
    connections those that are kept between mails
    pool       many connections, a stream of mails
    journal    what this process has handed over, whatever becomes of it

What does not live here: building the bytes (render), the ledger (store), which issue is sent (flow).
"""
