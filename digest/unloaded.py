"""What libraries load and we never use is left out: it costs every process time and memory.

structlog loads Rich to draw tracebacks, which we log as text; premailer an HTTP client, though it may not use the network;
SQLAlchemy's asyncio its ORM. What is not here: imports of our own that can wait, which stand where they are needed.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType


class _Hollow(ModuleType):
    """A module in which every name is None; no package, so that nothing can be imported from below it."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


@contextlib.contextmanager
def without(*names: str) -> Iterator[None]:
    """While a library is imported in the block, the modules `names` are hollow to it.

    One that is loaded already is left as it is, and whoever imports one afterwards gets the real one.
    """
    hollow = {name: _Hollow(name) for name in names if name not in sys.modules}
    sys.modules.update(hollow)
    try:
        yield
    finally:
        for name in hollow:
            del sys.modules[name]
