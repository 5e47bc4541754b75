"""What a signal means to a process that must not lose anything: end soon, and in order."""

from __future__ import annotations

import asyncio
import os
import signal


def told_to_end() -> asyncio.Event:
    """An event that SIGTERM and Ctrl-C set. A second Ctrl-C ends it at once: the journal knows what was in hand."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        if told.is_set():
            os._exit(130)
        told.set()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    loop.add_signal_handler(signal.SIGTERM, told.set)
    return told
