"""`subscribers …`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.runner import DONE, FAILED, Json, complain, emit, run, say, table
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.flow.newsroom import Newsroom
    from digest.model.subscriber import Counts

people = typer.Typer(help="Subscribers: add, remove, read from files, look up.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(metavar="EMAIL")]
ListName = Annotated[
    str | None, typer.Option("--list", "-l", metavar="NAME", help="Which list; needed if there are several.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(people, name="subscribers")


@people.command()
def sync(context: typer.Context, as_json: Json = False) -> None:
    """Read subscribers/*.csv now."""

    async def command(room: Newsroom) -> int:
        from digest.flow import membership
        from digest.model.subscriber import Counts, Refusal

        total = Counts()
        read = await membership.sync(room, unchanged_too=True)
        for name, counts in read.items():
            named = tuple(Refusal(each.line, f"{name}.csv: {each.reason}") for each in counts.refused)
            total += Counts(counts.added, counts.updated, counts.unchanged, named if len(read) > 1 else counts.refused)
            for words in membership.told(name, Counts(fewer=counts.fewer)):
                complain(words)
        return _counted(total, as_json)

    run(context, command)


def _counted(counts: Counts, as_json: bool) -> int:
    if as_json:
        emit(_figures(counts))
    else:
        say(
            f"{counts.added} added, {counts.updated} updated, {counts.unchanged} unchanged, {len(counts.refused)} refused."
        )
        for each in counts.refused:
            complain(f"line {each.line}: {each.reason}")
    return FAILED if counts.refused and not (counts.added or counts.updated or counts.unchanged) else DONE


def _figures(counts: Counts) -> dict[str, Any]:
    return {
        "added": counts.added,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "refused": [asdict(each) for each in counts.refused],
    }


@people.command()
def add(
    context: typer.Context,
    email: Email,
    list_name: ListName = None,
    name: Annotated[str, typer.Option("--name", help="How to address her.")] = "",
    topic: Annotated[
        list[str] | None, typer.Option("--topic", help="Only stories of this topic; may be repeated.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="Her clock, such as Europe/London.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Subscribe an address."""

    async def command(room: Newsroom) -> int:
        from digest.flow import membership

        chosen = _the_list(room, list_name)
        return _counted(await membership.add(room, chosen, email, name, tuple(topic or ()), timezone), as_json)

    run(context, command)


def _the_list(room: Newsroom, wanted: str | None) -> str:
    from digest.flow import membership

    lists = membership.known_lists(room)
    if wanted is None and len(lists) == 1:
        return lists[0]
    if wanted is None:
        raise UsageError(f"which list? There are: {', '.join(lists)}. Say --list NAME.")
    return wanted


@people.command()
def remove(context: typer.Context, email: Email, list_name: ListName = None, as_json: Json = False) -> None:
    """End a subscription."""

    async def command(room: Newsroom) -> None:
        from digest.flow import membership

        chosen = _the_list(room, list_name)
        left = await membership.remove(room, chosen, email)
        if as_json:
            emit({"added": 0, "updated": int(left), "unchanged": int(not left), "refused": []})
        else:
            say(f"{email} is {'no longer' if left else 'not'} on {chosen}.")

    run(context, command)


@people.command("list")
def list_(context: typer.Context, list_name: ListName = None, as_json: Json = False) -> None:
    """Show who is on a list, or on any."""

    async def command(room: Newsroom) -> None:
        from digest.flow import membership

        rows = [row async for row in membership.listing(room, list_name)]
        if as_json:
            emit([row | {"since": row["since"].isoformat()} for row in rows])
            return
        headings = ["list", "email", "name", "state", "topics", "time zone", "since (UTC)"]
        table(headings, [[row["list"], row["email"], row["name"], row["state"], ", ".join(row["topics"]),
                          row["timezone"] or "", f"{row['since']:%Y-%m-%d %H:%M}"] for row in rows])  # fmt: skip

    run(context, command)


@people.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header line; `email` is needed.")],
    list_name: ListName = None,
    as_json: Json = False,
) -> None:
    """Take the subscribers of a CSV file over; nobody who left is revived."""

    async def command(room: Newsroom) -> int:
        from digest.flow import membership

        return _counted(await membership.import_file(room, _the_list(room, list_name), file), as_json)

    run(context, command)


@people.command()
def export(context: typer.Context, list_name: ListName = None, as_json: Json = False) -> None:
    """Write everyone who is subscribed to standard output, as CSV."""

    async def command(room: Newsroom) -> None:
        from digest.audience.lists import COLUMNS, csv_line
        from digest.flow import membership

        if as_json:
            emit([dict(zip(COLUMNS, row, strict=True)) async for row in membership.export(room, list_name)])
            return
        sys.stdout.write(csv_line(COLUMNS))
        async for row in membership.export(room, list_name):
            sys.stdout.write(csv_line(row))

    run(context, command)


@people.command()
def show(context: typer.Context, email: Email, as_json: Json = False) -> None:
    """Show everything that is known of an address."""

    async def command(room: Newsroom) -> None:
        from digest.flow import membership

        person = await membership.show(room, email)
        if as_json:
            emit(asdict(person.subscriber) | {"deliveries": list(person.history)})
            return
        who = person.subscriber
        say(f"{who.email} {who.name}".rstrip())
        if who.suppressed:
            say(f"  must not be mailed: {who.suppressed}")
        if who.timezone:
            say(f"  her clock: {who.timezone}")
        for each in who.subscriptions:
            topics = f", topics: {', '.join(each.topics)}" if each.topics else ""
            say(f"  {each.list}: {each.state} since {each.since:%Y-%m-%d}{topics}")
        for newsletter in who.left:
            say(f"  has left {newsletter}")
        for sent in person.history:
            say(f"  issue {sent['id']} of {sent['newsletter']}, {sent['changed_at']:%Y-%m-%d %H:%M} UTC: {sent['state']} "
                f"{sent['reply'] or ''}".rstrip())  # fmt: skip

    run(context, command)
