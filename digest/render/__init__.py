"""Issue -> bytes for one subscriber: templates, html, merge, mime.

`html` renders an issue once; `merge` and `mime` make each subscriber's mail of it and need neither Jinja nor premailer.
"""
