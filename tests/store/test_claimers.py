"""Several processes claim from one ledger: each row is one's own, and none is left."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from digest.store.engine import Store
from digest.store.outbox import expire
from tests.conftest import Database, OpenStore
from tests.store.world import AUDIENCE, NOW, after, claim, crowd, record, result, sending_issue, states

CLAIMERS, PEOPLE = 4, 2_500


async def _claim_all(url: str, root: Path, issue: int, worker: str) -> None:
    """One process: claim and record until nothing is due; print whom it had in hand."""
    store = await Store.open(url, root)
    while mails := (await claim(store, issue, worker, limit=60)).mails:
        print(*(mail.subscriber_id for mail in mails), flush=True)  # noqa: T201
        await record(store, worker, [result(issue, mail.subscriber_id) for mail in mails])
    await store.close()


async def test_processes_that_claim_at_once_have_each_row_once(database: Database, open_store: OpenStore) -> None:
    store = await open_store()
    await crowd(store, PEOPLE)
    issue = await sending_issue(store)
    command = [sys.executable, "-m", "tests.store.test_claimers", database.url, str(database.root), str(issue)]
    processes = [
        await asyncio.create_subprocess_exec(*command, f"w{number}", stdout=subprocess.PIPE)
        for number in range(CLAIMERS)
    ]
    told = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0] * CLAIMERS
    had = [int(number) for out, _ in told for number in out.split()]
    assert sorted(had) == sorted(await states(store, issue))
    assert set((await states(store, issue)).values()) == {"sent"}


async def test_a_claim_takes_what_waits_longest_first(store: Store) -> None:
    early, late = (await sending_issue(store, "a@example.net", "b@example.net", not_before=NOW)), NOW
    first = (await claim(store, early, limit=1, now=late)).mails[0].subscriber_id
    await record(store, "w1", [result(early, first, "deferred", 451, "later", after(60))])  # type: ignore[arg-type]
    second = (await claim(store, early, limit=5, now=after(30))).mails
    assert [mail.subscriber_id for mail in second] != [first]
    async with store.write() as conn:
        assert await expire(conn, [], after(120)) == 1
    assert [mail.subscriber_id for mail in (await claim(store, early, now=after(61), audience=AUDIENCE)).mails] == [
        first
    ]


if __name__ == "__main__":
    asyncio.run(_claim_all(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
