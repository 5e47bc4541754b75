"""`gather`, `stories`, `sources`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.runner import DONE, FAILED, Json, emit, note, run, say, table

if TYPE_CHECKING:
    from digest.flow.gathering import SourceReport
    from digest.flow.newsroom import Newsroom
    from digest.flow.suggesting import Proposal

_PREVIEWED = 10

sources_app = typer.Typer(help="The sources and how they fare.", no_args_is_help=False)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(gather)
    app.command()(stories)
    app.add_typer(sources_app, name="sources")


def gather(
    context: typer.Context,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only this source.")] = None,
    as_json: Json = False,
) -> None:
    """Fetch the sources now and keep what is new.

    Exits with 1 only when every source failed; which one failed is in its line, and in `status` with --json.
    """

    async def command(room: Newsroom) -> int:
        from digest.flow import gathering

        reports = await gathering.gather(room, [source] if source else None, gone_too=source is not None)
        if as_json:
            emit({"sources": [_report(each) for each in reports], "new": sum(each.new for each in reports)})
        else:
            for each in reports:
                say(_sentence(each))
        return FAILED if all(each.status == "failed" for each in reports) else DONE

    run(context, command)


def _report(each: SourceReport) -> dict[str, Any]:
    return {
        "name": each.name,
        "status": each.status,
        "found": each.found,
        "new": each.new,
        "error": each.error,
        "seconds": round(each.seconds, 3),
    }


def _sentence(each: SourceReport) -> str:
    if each.status == "failed":
        return f"{each.name}: failed: {each.error}"
    ailing = f"; {each.error}" if each.error else ""
    if each.status == "unchanged":
        return f"{each.name}: unchanged ({each.found} stories there){ailing}"
    return f"{each.name}: {each.found} found, {each.new} new ({each.seconds:.1f} s){ailing}"


def stories(
    context: typer.Context,
    newsletter: Annotated[
        str | None, typer.Option("--newsletter", "-n", metavar="NAME", help="What it would choose, and why.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the pool: every story, and for a newsletter why it is in or out."""

    async def command(room: Newsroom) -> None:
        from digest.flow import produce

        pool, why = await produce.explain(room, newsletter)
        if as_json:
            emit([_story(each, why.get(each.id)) for each in pool])
            return
        for each in pool:
            published = "no date" if each.undated else f"{each.published:%Y-%m-%d %H:%M} UTC"
            minutes = f"{each.minutes} min, " if each.minutes else ""
            say(f"{each.id}. {each.title}\n  {each.source}, {published}, {minutes}{each.link}")
            if each.id in why:
                say(f"  {why[each.id]}")
        say(f"{len(pool)} {'story' if len(pool) == 1 else 'stories'}.")

    run(context, command)


def _story(each: Any, why: str | None) -> dict[str, Any]:
    return {
        "id": each.id,
        "title": each.title,
        "teaser": each.teaser,
        "link": each.link,
        "published": None if each.undated else each.published,
        "source": each.source,
        "language": each.language,
        "image": each.image,
        "topics": each.topics,
        "minutes": each.minutes,
        "also": each.also,
        "why": why,
    }


@sources_app.callback(invoke_without_command=True)
def sources_default(context: typer.Context, as_json: Json = False) -> None:
    """Show the sources and how they fare."""
    if context.invoked_subcommand is None:
        sources_list(context, as_json)


@sources_app.command("list")
def sources_list(context: typer.Context, as_json: Json = False) -> None:
    """Each source: status, last good look, latest and usual number of items, next check, what is wrong."""

    async def command(room: Newsroom) -> None:
        from digest.flow import source_health

        rows = await source_health.health(room)
        if as_json:
            emit(rows)
            return
        headings = ["source", "status", "found", "usual", "last good look", "next check (UTC)", "what is to be known"]
        table(headings, [_cells(each) for each in rows])

    run(context, command)


def _cells(each: dict[str, Any]) -> list[str]:
    usual = "" if each["usual"] is None else str(each["usual"])
    next_check = _when(each["next_check"]) if each["next_check"] else "never" if each["status"] == "gone" else "at once"
    known = _known(each)
    return [each["name"], each["status"], str(each["found"]), usual, _when(each["good_at"]), next_check, known]


def _known(each: dict[str, Any]) -> str:
    """What an editor should know of a source, in sentences; "" when all is well."""
    said = [each["error"], each["alarm"]]
    if each["error"] and each["failing_since"]:
        said.append(f"failing since {_when(each['failing_since'])}")
    if each["cooldown_until"]:
        said.append(f"its server asks us to wait until {_when(each['cooldown_until'])}")
    if each["adopted"]:
        said.append(f"asked at {each['adopted']} instead, where it has moved for good: change its url in the settings")
    elif each["moved_to"]:
        said.append(f"redirects to {each['moved_to']} for good since {_when(each['moved_since'])}")
    return "; ".join(filter(None, said))


def _when(instant: Any) -> str:
    return f"{instant:%Y-%m-%d %H:%M}" if instant else "never"


@sources_app.command("try")
def sources_try(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")], as_json: Json = False
) -> None:
    """Fetch one source and show what it gives; nothing is stored."""

    async def command(room: Newsroom) -> None:
        from digest.flow import gathering

        read = await gathering.try_source(room, name)
        if as_json:
            emit({
                "name": name,
                "status": read.status,
                "found": read.found,
                "stories": [{"title": each.title, "teaser": each.teaser, "link": each.link, "published": each.published,
                             "image": each.image, "id": each.guid} for each in read.stories],
                "warnings": read.warnings,
            })  # fmt: skip
            return
        for each in read.stories:
            published = f"{each.published:%Y-%m-%d %H:%M}" if each.published else "no date"
            say(f"{each.title}\n  {published}, {each.link}\n  {each.teaser}")
        for warning in read.warnings:
            note(warning)
        say(f"{read.found} found in {name}; nothing was stored.")

    run(context, command)


@sources_app.command("suggest")
def sources_suggest(
    context: typer.Context, url: Annotated[str, typer.Argument(metavar="URL")], as_json: Json = False
) -> None:
    """Look at a page and propose how it could be a source: blocks for settings.toml; nothing is stored."""

    async def command(room: Newsroom) -> None:
        from digest.flow import suggesting

        proposals = await suggesting.suggest(room, url)
        if as_json:
            emit([_proposal(each) for each in proposals])
            return
        # Everything but the blocks is a comment, so that the whole may be put into settings.toml.
        for each in proposals:
            say(f"# {each.why}; {len(each.stories)} {'story' if len(each.stories) == 1 else 'stories'} now:")
            for story in each.stories[:_PREVIEWED]:
                published = f"{story.published:%Y-%m-%d}, " if story.published else ""
                say(f"#   {story.title}")
                say(f"#     {published}{story.link}")
                if story.teaser:
                    say(f"#     {story.teaser}")
            if len(each.stories) > _PREVIEWED:
                say(f"#   ... and {len(each.stories) - _PREVIEWED} more")
            say(f"{each.toml}\n")

    run(context, command)


def _proposal(each: Proposal) -> dict[str, Any]:
    stories = [{"title": story.title, "teaser": story.teaser, "link": story.link, "published": story.published,
                "image": story.image} for story in each.stories]  # fmt: skip
    return {
        "name": each.name,
        "kind": each.kind,
        "url": each.url,
        "why": each.why,
        "select": each.select,
        "toml": each.toml,
        "stories": stories,
    }
