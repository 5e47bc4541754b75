"""Digest: a newsroom's digest mailer.

Data flows one way: gather, compose, render, deliver. `docs/architecture.md` has the picture.
"""

__version__ = "0.1.0"
