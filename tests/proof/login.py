"""Who may send through Postfix: the far end of its login, as Dovecot speaks it, for one user with one password."""

from __future__ import annotations

import base64
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER, PASSWORD = "news", "correct horse"

_GREETING = b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t" + b"0" * 32 + b"\nDONE\n"


class _Login(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(_GREETING)
        for line in self.rfile:
            verb, number, *parameters = (line.decode().rstrip("\n") + "\t").split("\t")
            if verb == "AUTH":
                told = next((each[5:] for each in parameters if each.startswith("resp=")), "")
                known = base64.b64decode(told) == f"\0{USER}\0{PASSWORD}".encode()
                self.wfile.write(f"{'OK' if known else 'FAIL'}\t{number}\tuser={USER}\n".encode())


@contextmanager
def running_login(socket: Path) -> Iterator[None]:
    """Listens at `socket`, for every account."""
    with socketserver.ThreadingUnixStreamServer(str(socket), _Login) as server:
        server.daemon_threads = True
        socket.chmod(0o666)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join(5)
