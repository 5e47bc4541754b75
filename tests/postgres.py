"""A private PostgreSQL cluster: made in a temporary folder, reached through a socket in it, gone at the end.

One per test process (each xdist worker has its own), started when the first test asks for it. Nothing outside its folder
is read or written, and only the process that was started here is ever signalled.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

START_WITHIN_S = 30.0
ROOM_BYTES = 2**30

_SUPERUSER = "digest"
_SERVER_SETTINGS = {
    "listen_addresses": "",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "deadlock_timeout": "200ms",
}
_CARELESS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "64MB",
}
"""For tests, which lose nothing when the power fails."""


class PostgresqlMissing(Exception):
    """There is no PostgreSQL on this machine, or none that this user may run; the text says which."""


@dataclass(frozen=True)
class Cluster:
    """A running server. Databases are numbered; what `create` made, `drop` removes."""

    folder: Path
    admin: psycopg.Connection[tuple[object, ...]]
    _made: list[str] = field(default_factory=list)

    def url(self, database: str) -> str:
        """As in settings.toml: `store.url`."""
        return f"postgresql://{_SUPERUSER}@/{database}?host={self.folder}"

    def create(self, template: str = "template0") -> str:
        """A new database, a copy of `template` (to which nobody may be connected); its name is returned."""
        name = f"digest_{len(self._made)}"
        self._made.append(name)
        # Copying files is the faster way when nothing is written to disk for good; before 15 it was the only one.
        faster = " STRATEGY FILE_COPY" if self.admin.info.server_version >= 150_000 else ""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}" + faster)
        self.admin.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def running_cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """A server from the first line to the last. durable: for good, on the disk. Raises PostgresqlMissing."""
    programs = _programs()
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="digest-pg-", dir=None if durable else _memory()))
    if owner:
        shutil.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        _initialize(programs, folder, owner)
        with _server(programs, folder, owner, {} if durable else _CARELESS) as admin:
            yield Cluster(folder, admin)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _memory() -> Path | None:
    """A folder in memory, where a database is copied ten times as fast; None where there is none, or too little."""
    folder = Path("/dev/shm")
    roomy = folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= ROOM_BYTES
    return folder if roomy else None


def _programs() -> Path:
    """The folder of `initdb` and `postgres`: the newest of Debian's, else pg_config's, else that on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    candidates = [file.parent for file in reversed(found)]
    if pg_config := shutil.which("pg_config"):
        told = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False).stdout.strip()
        candidates.append(Path(told))
    if initdb := shutil.which("initdb"):
        candidates.append(Path(initdb).resolve().parent)
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise PostgresqlMissing("PostgreSQL is not installed (initdb and postgres were not found)")


def _owner() -> pwd.struct_passwd | None:
    """As whom the server runs: it refuses to run as root. None: as ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise PostgresqlMissing("the tests run as root, and there is no user postgres to run PostgreSQL as") from None


def _initialize(programs: Path, folder: Path, owner: pwd.struct_passwd | None) -> None:
    command: list[str | Path] = [
        programs / "initdb",
        "--pgdata",
        folder / "data",
        "--username",
        _SUPERUSER,
        "--auth",
        "trust",
    ]
    options = ["--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions"]
    with _started([*command, *options], folder, owner) as process:
        process.wait(START_WITHIN_S)
    if process.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{_log(folder)}")


@contextmanager
def _server(
    programs: Path, folder: Path, owner: pwd.struct_passwd | None, more: dict[str, str]
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    command: list[str | Path] = [programs / "postgres", "-D", folder / "data", "-k", folder]
    settings = [part for key, value in (_SERVER_SETTINGS | more).items() for part in ("-c", f"{key}={value}")]
    with _started([*command, *settings], folder, owner) as process:
        try:
            with _connected(process, folder) as admin:
                yield admin
        finally:
            _stop(process)


def _connected(process: subprocess.Popen[bytes], folder: Path) -> psycopg.Connection[tuple[object, ...]]:
    pause = threading.Event()
    for _ in range(int(START_WITHIN_S / 0.02)):
        try:
            return psycopg.connect(host=str(folder), user=_SUPERUSER, dbname="postgres", autocommit=True)
        except psycopg.OperationalError:
            if process.poll() is not None:
                break
            pause.wait(0.02)
    raise RuntimeError(f"PostgreSQL did not start:\n{_log(folder)}")


def _started(command: list[str | Path], folder: Path, owner: pwd.struct_passwd | None) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Shut down fast: SIGINT ends sessions and writes a checkpoint; what does not obey is killed, by its own number."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def _log(folder: Path) -> str:
    return (folder / "log").read_text(encoding="utf-8", errors="replace")[-4000:]
