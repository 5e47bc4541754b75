"""How fast issues leave, against smtp-source on the same bytes in the same run: `python -m tests.bench.delivery`.

What is measured is the product: an ordinary site, opened as every command opens it, ledger and journal on, in a process of
its own. Ours and smtp-source take turns, and ratios are taken pair by pair, so that a noisy machine disturbs both alike.
What is not here: the site (_newsroom), mail servers (_mailservers), the measured process (_sending), others (_peers).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from digest import log
from digest.deliver.dkim_key import make_key
from tests.bench import _composing, _daemon, _mailservers, _newsroom, _peers
from tests.bench._mailservers import Took
from tests.bench._newsroom import STORIES_50_KB, STORIES_100_KB, Site
from tests.postgres import Cluster, PostgresqlMissing, running_cluster

ROUND_TRIP_MS = 20.0


@dataclass(frozen=True)
class Figure:
    """One line of the table. good: whether it is what is wanted; None where nothing was measured."""

    what: str
    wanted: str
    got: str
    good: bool | None


@dataclass(frozen=True)
class Ready:
    """An issue that is approved and has not left, kept so that it can be sent again and again."""

    site: Site
    issue: int
    readers: int
    mail: bytes
    database: str = ""  # PostgreSQL's template, empty for SQLite


@dataclass
class Bench:
    """number: mails a run. runs: of each line."""

    folder: Path
    web: int
    number: int
    runs: int
    stack: ExitStack
    cluster: Cluster | None = None
    _ready: dict[tuple[int, str], Ready] = field(default_factory=dict)
    _clear: list[Took] = field(default_factory=list)

    # -- an issue that is ready to leave -------------------------------------------------------------------------------

    def ready(self, stories: int, store: str = "sqlite") -> Ready:
        """Made once for each size and database."""
        if (stories, store) not in self._ready:
            self._ready[stories, store] = self._make(stories, store)
        return self._ready[stories, store]

    def _make(self, stories: int, store: str) -> Ready:
        site = _newsroom.make_site(self.folder / f"{store}-{stories}", self.web, stories, self.number)
        database = ""
        if store == "postgresql":
            self.cluster = self.cluster or self.stack.enter_context(running_cluster(durable=True))
            database = self.cluster.create()
            site.configure(store=self.cluster.url(database))
        issue = _newsroom.ready_to_leave(site)
        mail = _newsroom.mail_of(site, issue)
        _newsroom.keep(site)
        return Ready(site, issue, self.number, mail, database)

    @contextmanager
    def restored(self, ready: Ready) -> Iterator[str]:
        """The issue as if nothing had left; yields the database's URL, empty for SQLite."""
        var = ready.site.folder / "var"
        shutil.rmtree(var, ignore_errors=True)
        shutil.copytree(ready.site.folder / "kept", var)
        if not ready.database:
            yield ""
            return
        assert self.cluster is not None
        name = self.cluster.create(ready.database)
        yield self.cluster.url(name)
        self.cluster.drop(name)

    # -- running it ----------------------------------------------------------------------------------------------------

    def ours(self, ready: Ready, port: int, *, workers: int = 1, most: int | None = None, **smtp: str) -> Took:
        """Send the issue to the server at `port` by so many processes. most: each stops after so many."""
        return self.measured(ready, port, workers=workers, most=most, **smtp)[0]

    def measured(
        self, ready: Ready, port: int, *, workers: int = 1, most: int | None = None,
        security: str = "none", smtp: str = "", trusted: str = "",
    ) -> tuple[Took, float]:  # fmt: skip
        """As `ours`; and the peak of memory of one process, in MiB."""
        with self.restored(ready) as store:
            connections = f"connections = {_mailservers.SESSIONS // workers}"
            ready.site.configure(port, security=security, smtp=f"{connections}\n{smtp}", store=store)
            told = self._processes(ready, workers, most, os.environ | ({"SSL_CERT_FILE": trusted} if trusted else {}))
            if most is None:
                states = _newsroom.outcomes(ready.site, ready.issue)
                assert states == {"sent": ready.readers}, states
        seconds = max(each["ended"] for each in told) - min(each["begun"] for each in told)
        took = Took(int(sum(each["sent"] for each in told)), seconds, sum(each["cpu_s"] for each in told))
        return took, max(each["peak_mib"] for each in told)

    def _processes(
        self, ready: Ready, workers: int, most: int | None, environment: dict[str, str]
    ) -> list[dict[str, float]]:
        command = [sys.executable, "-m", "tests.bench._sending", str(ready.site.folder), str(ready.issue)]
        command += [str(most)] if most else []
        started = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(workers)
        ]
        told = [json.loads(process.communicate(timeout=600)[0]) for process in started]
        assert not any(process.returncode for process in started)
        return told

    def in_turn(self, ours: Callable[[], Took], source: Callable[[], Took]) -> list[tuple[Took, Took]]:
        """Both, one after the other, each first in every other pair."""
        pairs = []
        for run in range(self.runs):
            if run % 2:
                theirs, mine = source(), ours()
            else:
                mine, theirs = ours(), source()
            pairs.append((mine, theirs))
        return pairs

    def clear(self) -> list[Took]:
        """Runs of 50 KB without TLS on SQLite, for lines that compare with them."""
        if not self._clear:
            ready = self.ready(STORIES_50_KB)
            with _mailservers.smtp_sink() as port:
                self._clear = [self.ours(ready, port) for _ in range(self.runs)]
        return self._clear


# -- the lines ---------------------------------------------------------------------------------------------------------


def clear_50(bench: Bench) -> Iterable[Figure]:
    """50 KB on SQLite."""
    pairs = _against_source(bench, bench.ready(STORIES_50_KB))
    bench._clear = [mine for mine, _ in pairs]
    return _paired("50 KB, clear, SQLite, one worker", pairs, 0.95, 0.18)


def clear_50_postgresql(bench: Bench) -> Iterable[Figure]:
    """50 KB on PostgreSQL, which writes to the disk for good."""
    try:
        ready = bench.ready(STORIES_50_KB, "postgresql")
    except PostgresqlMissing as reason:
        return [Figure("50 KB, clear, PostgreSQL, one worker", ">= 0.95x", str(reason), None)]
    return _paired("50 KB, clear, PostgreSQL, one worker", _against_source(bench, ready), 0.95, 0.18)


def clear_100(bench: Bench) -> Iterable[Figure]:
    """100 KB on SQLite."""
    pairs = _against_source(bench, bench.ready(STORIES_100_KB))
    return _paired("100 KB, clear, SQLite, one worker", pairs, 0.95, 0.25)


def dkim(bench: Bench) -> Iterable[Figure]:
    """Every mail signed by two processes."""
    ready = bench.ready(STORIES_50_KB)
    key = bench.folder / "dkim.pem"
    make_key(key)
    signed = f'dkim = {{ domain = "example.org", selector = "s", key_file = "{key}" }}'
    with _mailservers.smtp_sink() as port:
        pairs = bench.in_turn(
            lambda: bench.ours(ready, port, workers=2, smtp=signed),
            lambda: _mailservers.smtp_source(port, ready.mail, ready.readers, bench.folder),
        )
    return _paired("50 KB, RSA-2048 DKIM, two workers", pairs, 0.55, None)


def tls(bench: Bench) -> Iterable[Figure]:
    """The same sink with TLS and without."""
    ready = bench.ready(STORIES_50_KB)
    certificate, trusted = _mailservers.certificates(bench.folder)
    with _mailservers.lean_sink() as open_port, _mailservers.lean_sink(certificate) as closed_port:
        pairs = bench.in_turn(
            lambda: bench.ours(ready, closed_port, security="tls", trusted=str(trusted)),
            lambda: bench.ours(ready, open_port),
        )
    return _paired("50 KB, TLS, against clear to the same sink", pairs, 0.6, None, other="clear")


def far(bench: Bench) -> Iterable[Figure]:
    """A mail server 20 ms away."""
    ready = bench.ready(STORIES_50_KB)
    with _mailservers.smtp_sink() as port, _mailservers.far_away(port, ROUND_TRIP_MS) as away:
        rates = [bench.ours(ready, away, most=min(3000, bench.number)).rate for _ in range(bench.runs)]
    what = f"50 KB, {ROUND_TRIP_MS:.0f} ms round trip, 10 connections"
    return [Figure(what, ">= 340/s", f"{_spread(rates, '.0f')}/s", statistics.median(rates) >= 340)]


def peers(bench: Bench) -> Iterable[Figure]:
    """Other people's ways, in this run and to the same sink."""
    ready = bench.ready(STORIES_50_KB)
    _peers.written(ready.mail, bench.folder)
    mine = bench.clear()
    for name, peer, share, times in (
        ("nodemailer, pooled, composing", _peers.nodemailer, 5, 6.0),
        ("Django send_messages", _peers.django, 10, 8.0),
        ("stdlib smtplib, 10 threads", _peers.smtplib_threads, 2, 2.4),
    ):
        try:
            with _mailservers.smtp_sink() as port:
                theirs = [peer(port, bench.folder, bench.number // share) for _ in range(bench.runs)]
        except _peers.PeerMissing as reason:
            yield Figure(f"against {name}", f">= {times:g}x", str(reason), None)
            continue
        ratios = [one.rate / other.rate for one, other in zip(mine, theirs, strict=True)]
        rate, cpu = (
            statistics.median(each.rate for each in theirs),
            statistics.median(each.cpu_per_1000 for each in theirs),
        )
        got = f"{_spread(ratios, '.1f')}x (it: {rate:.0f}/s, {cpu:.2f} s/1000)"
        yield Figure(f"against {name}", f">= {times:g}x", got, statistics.median(ratios) >= times)


def composing(bench: Bench) -> Iterable[Figure]:
    """What a mail, and an issue, costs before anything is sent."""
    merge_us = _composing.merge_us(bench.ready(STORIES_50_KB).site.folder, bench.ready(STORIES_50_KB).issue, bench.runs)
    yield Figure("merge per subscriber, with her tokens", "<= 25 us", f"{_spread(merge_us, '.1f')} us",
                 statistics.median(merge_us) <= 25)  # fmt: skip
    site = _newsroom.make_site(bench.folder / "thirty", bench.web, 30, 1)
    compile_ms = _composing.compile_ms(site.folder, _newsroom.ready_to_leave(site), bench.runs)
    yield Figure("compile of a 30-story issue", "<= 50 ms", f"{_spread(compile_ms, '.1f')} ms",
                 statistics.median(compile_ms) <= 50)  # fmt: skip


def memory(bench: Bench) -> Iterable[Figure]:
    """A worker of which little is asked, and one that has a million before it."""
    ready = bench.ready(STORIES_50_KB)
    most = min(50_000, 5 * bench.number)
    with _mailservers.smtp_sink() as port:
        small = [bench.measured(ready, port)[1] for _ in range(min(3, bench.runs))]
        crowded = _crowded(bench, ready, 1_000_000)
        large = [bench.measured(crowded, port, most=most)[1] for _ in range(min(3, bench.runs))]
    growth = statistics.median(large) - statistics.median(small)
    what = f"memory of a worker with {ready.readers:,} recipients / {most:,} sent of 1,000,000"
    got = f"{_spread(small, '.0f')} / {_spread(large, '.0f')} MiB, growth {growth:.1f}"
    return [Figure(what, "<= 120, growth <= 10 MiB", got, max(large) <= 120 and growth <= 10)]


def _crowded(bench: Bench, ready: Ready, number: int) -> Ready:
    folder = bench.folder / "crowd"
    shutil.copytree(ready.site.folder, folder, ignore=shutil.ignore_patterns("var"))
    (folder / "kept").rename(folder / "var")
    site = replace(ready.site, folder=folder)
    _newsroom.crowd(site, ready.issue, number - ready.readers)
    (folder / "var").rename(folder / "kept")
    return replace(ready, site=site, readers=number)


def whole(bench: Bench) -> Iterable[Figure]:
    """The `digest send` command from its start to its end."""
    number = 2 * bench.number
    site = _newsroom.make_site(bench.folder / "whole", bench.web, STORIES_50_KB, number)
    _newsroom.settled(site)
    _newsroom.keep(site)
    mail = bench.ready(STORIES_50_KB).mail
    with _mailservers.smtp_sink() as port:
        site.configure(port)
        pairs = bench.in_turn(
            lambda: _whole_send(site, number), lambda: _mailservers.smtp_source(port, mail, number, bench.folder)
        )
    ratios = [mine.seconds / theirs.seconds for mine, theirs in pairs]
    seconds = _spread([mine.seconds for mine, _ in pairs], ".2f")
    got = f"{_spread(ratios, '.2f')}x of its time ({seconds} s, {_spread([mine.cpu_s for mine, _ in pairs], '.2f')} s CPU)"
    return [Figure(f"whole `digest send` of 50 KB to {number:,}", "<= 1.15x", got, statistics.median(ratios) <= 1.15)]


def _whole_send(site: Site, number: int) -> Took:
    _restore(site)
    command = [
        sys.executable,
        "-m",
        "digest",
        "--site",
        str(site.folder),
        "send",
        _newsroom.NEWSLETTER,
        "--yes",
        "--json",
    ]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sent"] == number, done.stdout
    return Took(number, seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def hand_out(bench: Bench) -> Iterable[Figure]:
    """From the departure of an issue to its senders."""
    site = _newsroom.make_site(bench.folder / "handout", bench.web, STORIES_50_KB, 100)
    _newsroom.settled(site)
    _newsroom.keep(site)
    took = []
    for _ in range(bench.runs):
        _restore(site)
        took.append(_daemon.hand_out_ms(site))
    good = statistics.median(took) <= 100
    return [Figure("a departing issue reaches its senders", "<= 100 ms", f"{_spread(took, '.0f')} ms", good)]


def desk(bench: Bench) -> Iterable[Figure]:
    """A page of the daemon's while its worker sends."""
    ready = bench.ready(STORIES_50_KB)
    took: list[float] = []
    with _mailservers.smtp_sink() as port, bench.restored(ready):
        ready.site.configure(port)
        took, waiting = _daemon.pages_ms(ready.site, ready.issue)
    ninety_nine = sorted(took)[len(took) * 99 // 100]
    got = f"{statistics.median(took):.0f} ms, 99 of 100 within {ninety_nine:.0f} ms ({len(took)} asked)"
    return [Figure(f"a subscriber's page while {waiting:,} mails of 50 KB leave", "", got, None)]


def _restore(site: Site) -> None:
    shutil.rmtree(site.folder / "var", ignore_errors=True)
    shutil.copytree(site.folder / "kept", site.folder / "var")


LINES: dict[str, Callable[[Bench], Iterable[Figure]]] = {
    "50": clear_50, "50-postgresql": clear_50_postgresql, "100": clear_100, "tls": tls, "dkim": dkim, "far": far,
    "peers": peers, "composing": composing, "memory": memory, "whole": whole,
    "hand-out": hand_out, "desk": desk,
}  # fmt: skip


# -- figures -----------------------------------------------------------------------------------------------------------


def _against_source(bench: Bench, ready: Ready) -> list[tuple[Took, Took]]:
    with _mailservers.smtp_sink() as port:
        return bench.in_turn(
            lambda: bench.ours(ready, port),
            lambda: _mailservers.smtp_source(port, ready.mail, ready.readers, bench.folder),
        )


def _paired(
    what: str, pairs: list[tuple[Took, Took]], times: float, cpu: float | None, *, other: str = "smtp-source"
) -> list[Figure]:
    ratios = [mine.rate / theirs.rate for mine, theirs in pairs]
    rate, their_rate = (statistics.median(each.rate for each in side) for side in zip(*pairs, strict=True))
    mine_cpu, their_cpu = ([each.cpu_per_1000 for each in side] for side in zip(*pairs, strict=True))
    good = statistics.median(ratios) >= times
    figures = [
        Figure(what, f">= {times:g}x", f"{_spread(ratios, '.2f')}x ({rate:.0f}/s; {other} {their_rate:.0f}/s)", good)
    ]
    got = f"{_spread(mine_cpu, '.3f')} s/1000 ({other} {statistics.median(their_cpu):.3f})"
    wanted = f"<= {cpu:g} s/1000" if cpu else ""
    figures.append(Figure("    CPU", wanted, got, statistics.median(mine_cpu) <= cpu if cpu else None))
    return figures


def _spread(values: Sequence[float], shape: str) -> str:
    """The median, and from where to where."""
    return f"{statistics.median(values):{shape}} [{min(values):{shape}}-{max(values):{shape}}]"


def _machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    postfix = subprocess.run(
        [_mailservers.installed("postconf") or "true", "-h", "mail_version"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"Postfix {postfix}; load {os.getloadavg()[0]:.1f}"
    )


def _say(figure: Figure) -> None:
    mark = {True: "yes", False: "NO", None: ""}[figure.good]
    print(f"{figure.what:66} {figure.wanted:25} {mark:4} {figure.got}", flush=True)  # noqa: T201


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.delivery", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 runs of 2,000 mails instead of 5 of 10,000")
    parser.add_argument("--only", action="append", choices=LINES, help="one line of the table; may be repeated")
    parser.add_argument("--keep", type=Path, help="work in this new folder and leave it there")
    options = parser.parse_args(arguments)
    if not (_mailservers.installed("smtp-source") and _mailservers.installed("smtp-sink")):
        print("delivery: needs smtp-source and smtp-sink of Debian's postfix: apt-get install postfix")  # noqa: T201
        return
    log.setup(quiet=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers and folders go with us
    print(f"delivery: {_machine()}", flush=True)  # noqa: T201
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="digest-bench-")))
        folder.mkdir(exist_ok=True)
        web = stack.enter_context(_newsroom.pages(folder))
        number, runs = (2000, 3) if options.quick else (10_000, 5)
        bench = Bench(folder, web, number, runs, stack)
        for name in options.only or LINES:
            for figure in LINES[name](bench):
                _say(figure)
    print(f"delivery: medians of {runs} runs [least-most] of {number} mails; load {os.getloadavg()[0]:.1f}")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
