"""Other ways to send the same digest, fetched on demand into a cache folder outside of the checkout.

What is not here: what each of them does (_peer.py, _peer.js).
"""

from __future__ import annotations

import email
import email.policy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench._mailservers import SESSIONS, Took

NODEMAILER, DJANGO = "nodemailer@10", "django>=5.2,<5.3"
_HERE = Path(__file__).parent


class PeerMissing(Exception):
    """It is not on this machine and cannot be had; the text says what is wanting."""


def cache() -> Path:
    """Where peers are kept: $XDG_CACHE_HOME or ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "digest-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def written(mail: bytes, folder: Path) -> None:
    """Lay the mail out as peers want it: its bytes, and its parts."""
    parsed = email.message_from_bytes(mail, policy=email.policy.default)
    (folder / "mail.eml").write_bytes(mail)
    for subtype, name in (("plain", "mail.txt"), ("html", "mail.html")):
        part = parsed.get_body((subtype,))
        assert part is not None
        (folder / name).write_text(part.get_content())


def nodemailer(port: int, folder: Path, number: int) -> Took:
    """Pooled, composing for each recipient. Raises PeerMissing."""
    node = shutil.which("node")
    library = cache() / "node_modules" / "nodemailer"
    if node is None or not (library.exists() or shutil.which("npm")):
        raise PeerMissing("no node and npm here: apt-get install nodejs npm")
    if not library.exists():
        _done(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(cache()), NODEMAILER])
    return _took([node, str(_HERE / "_peer.js"), str(library), str(port), str(folder), str(number), str(SESSIONS)])


def django(port: int, folder: Path, number: int) -> Took:
    """`send_messages`, which has one connection. Raises PeerMissing."""
    python = cache() / "django" / "bin" / "python"
    if not python.exists():
        _done([sys.executable, "-m", "venv", str(cache() / "django")])
        _done([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", DJANGO])
    return _took([str(python), str(_HERE / "_peer.py"), "django", str(port), str(folder), str(number), "1"])


def smtplib_threads(port: int, folder: Path, number: int) -> Took:
    """Ready bytes, a thread for each connection."""
    peer = str(_HERE / "_peer.py")
    return _took([sys.executable, peer, "smtplib", str(port), str(folder), str(number), str(SESSIONS)])


def _done(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        shutil.rmtree(cache() / "django", ignore_errors=True)
        raise PeerMissing(f"{' '.join(command)} failed: {done.stderr.strip()[-200:]}")


def _took(command: list[str]) -> Took:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode != 0:
        raise PeerMissing(f"{Path(command[1]).name} failed: {done.stderr.strip()[-300:]}")
    return Took(**json.loads(done.stdout))
