"""`api-keys …`: who may push stories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.runner import Json, emit, note, run, say, table

if TYPE_CHECKING:
    from digest.flow.newsroom import Newsroom

keys_app = typer.Typer(help="Keys by which programs push stories.", no_args_is_help=True)

KeyName = Annotated[str, typer.Argument(metavar="NAME", help="What the key is called, such as the program's name.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(keys_app, name="api-keys")


@keys_app.command()
def add(
    context: typer.Context,
    name: KeyName,
    source: Annotated[str, typer.Option("--source", metavar="SOURCE", help='The source, of kind "push", it opens.')],
    as_json: Json = False,
) -> None:
    """Make a key and print it, this once."""

    async def command(room: Newsroom) -> None:
        from digest.flow import pushing

        key = await pushing.add_key(room, name, source)
        if as_json:
            emit({"name": name, "source": source, "key": key})
            return
        note("The key is shown this once; who loses it makes another:")
        say(key)

    run(context, command)


@keys_app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """Each key: its source, when it was made, when it was last used."""

    async def command(room: Newsroom) -> None:
        from digest.flow import pushing

        keys = await pushing.all_keys(room)
        if as_json:
            emit([
                {"name": key.name, "source": key.source, "created_at": key.created_at, "used_at": key.used_at}
                for key in keys
            ])  # fmt: skip
            return
        rows = [[key.name, key.source, _when(key.created_at), _when(key.used_at)] for key in keys]
        table(["key", "source", "made (UTC)", "last used (UTC)"], rows)

    run(context, command)


def _when(instant: object) -> str:
    return f"{instant:%Y-%m-%d %H:%M}" if instant else "never"


@keys_app.command()
def remove(context: typer.Context, name: KeyName) -> None:
    """Take a key back; it opens nothing from now on."""

    async def command(room: Newsroom) -> None:
        from digest.flow import pushing

        await pushing.remove_key(room, name)
        say(f"The key {name} is taken back.")

    run(context, command)
