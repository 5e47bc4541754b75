"""`make bench`: the `main()` of every module beside this one; each prints one line per figure."""

from __future__ import annotations

import importlib
from pathlib import Path


def main() -> None:
    for file in sorted(Path(__file__).parent.glob("*.py")):
        if not file.stem.startswith("_"):
            importlib.import_module(f"tests.bench.{file.stem}").main()


if __name__ == "__main__":
    main()
