"""settings.toml + DIGEST_* environment + secret files -> one frozen Settings; all faults at once.

What is not here: reading any other file of the site.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from digest.errors import Fault, SettingsError, UsageError
from digest.settings.faults import crossed, discreet, of_validation, one_per_key, unknown
from digest.settings.tables import Settings

FILE = "settings.toml"


def load(root: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of the site in `root`.

    Raises SettingsError with every fault found, UsageError when there is no such site.
    """
    raw = _read(root / FILE)
    where = str(root / FILE)
    faults = [*_merge_environment(raw, environ), *_read_secret_files(root, raw), *crossed(raw)]
    if "root" in raw:  # it is ours: the folder in which the file stands
        faults.append(unknown(["root"], raw["root"]))
    try:
        settings = Settings.model_validate({**raw, "root": root.resolve()})
    except ValidationError as error:
        faults += of_validation(error)
    if faults:
        raise SettingsError(where, sorted(map(discreet, one_per_key(faults)), key=lambda fault: fault.key))
    return settings


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"{file.parent} is not a site: it has no {FILE}. `digest init DIR` makes one, `--site DIR` names one."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(str(file), [Fault("the file", str(error), "must be valid TOML in UTF-8")]) from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None


_SECRETS = (("smtp", "password"), ("store", "url"))
"""The keys that may also stand in a file, which `KEY_file` names."""


def _merge_environment(raw: dict[str, Any], environ: Mapping[str, str]) -> Iterator[Fault]:
    """DIGEST_SMTP__PASSWORD=x is smtp.password = x; only names with a double underscore are ours."""
    for name, value in sorted(environ.items()):
        path = name.removeprefix("DIGEST_").split("__")
        if not name.startswith("DIGEST_") or len(path) < 2:
            continue
        table: Any = raw
        for part in path[:-1]:
            table = table.setdefault(_existing(table, part), {})
            if not isinstance(table, dict):
                yield Fault(name, value, "names a key inside something that is no table")
                break
        else:
            key = _existing(table, path[-1])
            table[key] = _environment_value(value)
            # The environment has the last word, also over the file that settings.toml names for a secret.
            if (path[0].lower(), key) in _SECRETS:
                table.pop(f"{key}_file", None)


def _existing(table: Mapping[str, Any], part: str) -> str:
    """The key of `table` that an environment variable means: case and dash/underscore do not count."""
    wanted = part.lower()
    return next((key for key in table if key.lower().replace("-", "_") == wanted.replace("-", "_")), wanted)


def _environment_value(value: str) -> Any:
    if value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _read_secret_files(root: Path, raw: dict[str, Any]) -> Iterator[Fault]:
    """smtp.password_file = "x" is smtp.password = what stands in x."""
    for table_name, key in _SECRETS:
        table = raw.get(table_name)
        if not isinstance(table, dict) or f"{key}_file" not in table:
            continue
        file = str(table.pop(f"{key}_file"))
        try:
            table[key] = (root / file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a file name with a NUL
            yield Fault(f"{table_name}.{key}_file", file, f"must be a file that can be read ({error})")
