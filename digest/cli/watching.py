"""`preview --watch`: the page is served until Ctrl-C. Imported only when it runs; the page itself is in web.preview."""

from __future__ import annotations

import sys
from datetime import datetime

from digest.cli.runner import DONE, emit, say
from digest.daemon.signals import told_to_end
from digest.flow import preview
from digest.flow.newsroom import Newsroom
from digest.web.preview import watching


async def show_until_told(
    room: Newsroom, newsletter: str, email: str | None, at: datetime | None, as_json: bool
) -> int:
    """Gather once, say where the page is, and serve it until told to end. Raises UsageError for an unknown newsletter."""
    told = told_to_end()
    await preview.gather(room, newsletter)
    async with watching(room, newsletter, email=email, at=at) as url:
        if as_json:
            emit({"newsletter": newsletter, "url": url})
        else:
            say(f"{url}  follows every change of a template or of settings.toml. Ctrl-C ends it.")
        sys.stdout.flush()  # who reads it from a file or a pipe needs it now, not at the end
        await told.wait()
    return DONE
