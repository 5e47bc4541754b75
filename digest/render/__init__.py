"""Issue -> bytes for one subscriber: templates, html, merge, mime.

`html` renders an issue once; `merge` makes each subscriber's mail of it and needs neither Jinja nor premailer. Where
templates ask who the subscriber is, `personal` draws for her what `merge` fills.
"""
