"""A newsroom on any database, with the newsroom's own sources: a folder and what is pushed."""

from __future__ import annotations

from pathlib import Path

from digest import settings
from digest.app import template_folders
from digest.flow.newsroom import Newsroom
from digest.store.engine import Store
from digest.tokens import Signer
from tests.fakes import FakeClock

SETTINGS = """
[site]
name = "Harbour Town"
url = "http://127.0.0.1:8000"
address = "1 Sample Street, London"
[smtp]
host = "127.0.0.1"
port = 9
security = "none"
[sources.notices]
kind = "folder"
path = "notices"
[sources.cms]
kind = "push"
topics = ["town"]
exclude = ["sponsored"]
[sources.blog]
kind = "push"
[newsletters.town]
title = "Harbour Town"
from = "Harbour Town <news@example.org>"
sources = ["notices", "cms", "blog"]
lists = ["readers"]
stories = { min = 1 }
"""


def open_room(root: Path, store: Store, clock: FakeClock) -> Newsroom:
    """The site in `root`, its settings written there."""
    (root / "settings.toml").write_text(SETTINGS)
    for folder in ("notices", "subscribers"):
        (root / folder).mkdir(exist_ok=True)
    read = settings.load(root, {})
    return Newsroom(read, store, Signer([b"k" * 32]), clock, template_folders(root), actor="cli:anna")
