"""The process that a benchmark measures: the site is opened as a command opens it, and the issue sent as `send` sends it.

`python -m tests.bench._sending SITE ISSUE [MOST]` prints one JSON document: begun and ended (s of the monotonic clock, the
same for all processes of a machine), cpu_s, peak_mib, sent. MOST: stop after so many.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from digest import log
from digest.app import open_newsroom
from digest.flow import departure
from digest.model.delivery import DeliveryState


async def sending(site: Path, issue: int, most: int | None) -> dict[str, float]:
    sent, stop = 0, asyncio.Event()

    def watch(_issue: int, state: DeliveryState) -> None:
        nonlocal sent
        sent += state is DeliveryState.SENT
        if sent == most:
            stop.set()

    async with open_newsroom(site) as room:
        begun, worked = time.monotonic(), time.process_time()
        await departure.deliver(room, issue, stop, watch)
        ended, done = time.monotonic(), time.process_time()
    return {"begun": begun, "ended": ended, "cpu_s": done - worked, "peak_mib": peak_mib(), "sent": sent}


def peak_mib() -> float:
    """The most memory this program held. Not getrusage's figure, which counts what the parent held when it forked."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    log.setup(quiet=True)
    most = int(sys.argv[3]) if len(sys.argv) > 3 else None
    print(json.dumps(asyncio.run(sending(Path(sys.argv[1]), int(sys.argv[2]), most))))  # noqa: T201


if __name__ == "__main__":
    main()
