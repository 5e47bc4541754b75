"""The wheel alone, in an empty environment, makes a site and runs the demo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.site import eventually, free_port

ROOT = Path(__file__).parents[2]


def ran(*command: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_pip_install_init_demo(tmp_path: Path) -> None:
    ran(sys.executable, "-m", "build", "-q", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    ran(sys.executable, "-m", "venv", tmp_path / "env")
    ran(tmp_path / "env/bin/pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel)
    digest = tmp_path / "env/bin/digest"
    ran(digest, "init", "site", cwd=tmp_path)
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == ["settings.toml", "subscribers"]
    settings = (tmp_path / "site/settings.toml").read_text()
    for port in ("8000", "8010", "1025"):
        settings = settings.replace(port, str(free_port()))
    (tmp_path / "site/settings.toml").write_text(settings)
    first_issue_arrives(digest, tmp_path)


def first_issue_arrives(digest: Path, folder: Path) -> None:
    """`digest --site site demo` sends the first issue to the three sample readers and ends on Ctrl-C."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DIGEST_")}
    process = subprocess.Popen(
        [str(digest), "--site", "site", "demo"], cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        inbox = folder / "site/var/inbox/new"
        eventually(lambda: len(list(inbox.glob("*"))) == 3 or process.poll() is not None, 60)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=15)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert (process.returncode, len(list(inbox.glob("*")))) == (0, 3), out
