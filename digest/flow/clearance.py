"""May an issue leave? Preflight as a gate where no editor is asked: at the slot, after a resume, behind a `send --yes`.

    issue -> preflight -> errors: held, with what they are; warnings: the editors are told; else approved

A fault of preflight itself is a warning (flow/preflight), so that it stops nothing. What is not here: the checks
(flow/preflight), asking an editor (cli).
"""

from __future__ import annotations

from collections.abc import Sequence

from digest.errors import Conflict, StoryTaken, TemplateError
from digest.flow import notify, produce, publish
from digest.flow.newsroom import Newsroom
from digest.flow.preflight import preflight
from digest.model.issue import Issue, IssueState
from digest.render.preflight import Finding, Level
from digest.store import events, issues

TOLD = "issue.preflight"
"""The entry of the event log that keeps what the editors were told."""
_SHOWN = 3


async def check(room: Newsroom, issue: Issue) -> list[Finding]:
    """What preflight says of an issue as it would be drawn now. Raises TemplateError."""
    return await preflight(room, issue, publish.render(room, issue))


async def foretell(room: Newsroom, issue: Issue) -> None:
    """Tell the editors what preflight finds in an issue that has just been built, while it can be mended."""
    try:
        lines = told(await check(room, issue))
    except TemplateError as error:
        lines = [f"Error: template: {error}"]
    if lines:
        async with room.store.write() as conn:
            await notify.unfit(conn, room, issue, lines)
            await room.log(conn, TOLD, issue, reason="; ".join(lines), findings=lines)


def told(findings: Sequence[Finding]) -> list[str]:
    """Errors and warnings, a line each; advice is for who asks."""
    return [
        f"{each.level.value.capitalize()}: {each.check}: {each.message}{f' [{each.where}]' if each.where else ''}"
        for each in findings
        if each.level is not Level.ADVICE
    ]


async def approve_or_rebuild(
    room: Newsroom, issue_id: int, *, at_once: bool = False, seen: Issue | None = None
) -> Issue:
    """Approve without an editor to ask: held where preflight has errors, chosen anew where another issue took a story.

    The editors are told of warnings that they have not been told of before. seen: the issue as an editor has seen it with
    what preflight says of it, which is not checked again. Fails the issue for a broken template, and raises TemplateError.
    """
    for _ in range(3):
        warnings: list[str] = []
        try:
            issue = await publish.get(room, issue_id)
            if issue.state is IssueState.REVIEW and issue != seen:
                findings = await check(room, issue)
                if reason := unfit(findings):
                    return await publish.hold(room, issue_id, reason)
                warnings = told(findings)
            return await publish.approve(
                room, issue_id, at_once=at_once, seen=issue, warnings=await _new(room, issue_id, warnings)
            )
        except Conflict as conflict:
            issue = await publish.get(room, issue_id)
            if isinstance(conflict, StoryTaken) or produce.lacks(room, issue.newsletter, len(issue.stories)):
                issue = await produce.rebuild(room, issue)
            if issue.state is not IssueState.REVIEW:
                return issue
        except TemplateError as error:
            await publish.fail(room, issue_id, str(error))
            raise
    return await publish.hold(room, issue_id, "other issues keep taking its stories")


def unfit(findings: Sequence[Finding]) -> str | None:
    """Why an issue may not leave, in a sentence; None if it may."""
    errors = [f"{each.check}: {each.message}" for each in findings if each.level is Level.ERROR]
    if not errors:
        return None
    more = f"; and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
    number = f"{len(errors)} error{'s' if len(errors) != 1 else ''}"
    return f"preflight found {number}: {'; '.join(errors[:_SHOWN])}{more}"


async def _new(room: Newsroom, issue_id: int, lines: Sequence[str]) -> list[str]:
    """Those that the editors have not been told of yet."""
    if not lines:
        return []
    async with room.store.read() as conn:
        before = {
            line
            for event in await events.of_issue(conn, issue_id)
            if event.action == TOLD
            for line in event.data.get("findings", ())
        }
    return [line for line in lines if line not in before]


async def resume(room: Newsroom, issue_id: int) -> tuple[Issue, list[Finding]]:
    """Go on with an issue; one that nobody has approved is checked first, and stays held, anew, where it has errors.

    The issue, and what preflight says. Raises IllegalMove, TemplateError, and as `publish.resume` does.
    """
    issue = await publish.get(room, issue_id)
    if issue.state is not IssueState.HELD or issue.approved_at:
        return await publish.resume(room, issue_id), []
    findings = await check(room, issue)
    if reason := unfit(findings):
        await _held_still(room, issue, reason)
        return await publish.get(room, issue_id), findings
    return await publish.resume(room, issue_id), findings


async def _held_still(room: Newsroom, issue: Issue, reason: str) -> None:
    async with room.store.write() as conn:
        if (await issues.get(conn, issue.id, lock=True)).state is IssueState.HELD:
            await issues.note(conn, issue.id, reason=reason)
            await room.log(conn, "issue.still_held", issue, reason=reason)
