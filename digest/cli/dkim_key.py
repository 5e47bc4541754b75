"""`dkim-key`: a key to sign with, and what to publish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.runner import Json, emit, explained, say, site
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.settings import Settings

_SELECTOR = "digest1"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(dkim_key)


def dkim_key(
    context: typer.Context,
    domain: Annotated[str | None, typer.Option("--domain", help="Signs for it; else the newsletters' domain.")] = None,
    selector: Annotated[
        str | None, typer.Option("--selector", help=f"Names the key in DNS; else {_SELECTOR}. A new key, a new name.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The key file; else var/dkim/SELECTOR.pem of the site.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a DKIM key; print the DNS record to publish and the settings that use it."""
    with explained():
        from digest import settings
        from digest.deliver.dkim_key import make_key, record, txt_strings

        folder = site(context)
        config = settings.load(folder) if domain is None or out is None else None
        signing, label = settings.dkim_names(domain or _domain(config), selector or _SELECTOR)
        file = out or _own_place(folder, label)
        value = record(make_key(file))
        name = f"{label}._domainkey.{signing}"
        if as_json:
            emit({"file": str(file), "name": name, "type": "TXT", "value": value, "strings": txt_strings(value)})
            return
        shown = file.relative_to(folder) if out is None else file.absolute()
        quoted = "\n    ".join(f'"{part}"' for part in txt_strings(value))
        say(f"The key is in {file}; only you may read it. Publish this record, of type TXT:\n")
        say(f"{name}. IN TXT (\n    {quoted} )\n")
        say("Where a form asks for the value in one piece:\n")
        say(f"{value}\n")
        say(f"When it can be found (dig +short TXT {name}), put this into settings.toml and start the daemon again:\n")
        say(f'[smtp.dkim]\ndomain = "{signing}"\nselector = "{label}"\nkey_file = "{shown}"')


def _own_place(folder: Path, label: str) -> Path:
    """The site's own place for a key, made if it is not there yet."""
    keys = folder / "var" / "dkim"
    try:
        keys.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder {keys} cannot be made: {error.strerror}") from None
    return keys / f"{label}.pem"


def _domain(config: Settings | None) -> str:
    from digest.model.subscriber import domain_of

    found = {domain_of(each.from_.email) for each in config.newsletters.values()} if config else set()
    if len(found) != 1:
        raise UsageError(f"name the domain to sign for with --domain: the newsletters have {', '.join(sorted(found))}")
    return found.pop()
