"""An editor's moves: Issue -> Issue. Positions follow the moves; pinned stories keep theirs as far as the issue reaches.

Pure. What is not here: the moves as values (model/edit), keeping and undoing them (flow/editing).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from digest.errors import UsageError
from digest.model.edit import Act, Move
from digest.model.issue import Issue, IssueStory, is_sponsored

TITLE_MAX, TEXT_MAX = 500, 10_000
"""Characters of a headline or subject; of a teaser or an intro."""


def apply(issue: Issue, move: Move) -> Issue:
    """The issue after a move. Raises UsageError, in an editor's words, for a move that makes no sense."""
    return _ACTS[move.act](issue, move)


def replay(issue: Issue, moves: Iterable[Move], taken: Collection[int] = ()) -> Issue:
    """The issue after moves that made sense once; one that no longer does, because its story has gone, is passed over.

    taken: the ids of stories that another issue has carried: no move brings them in.
    """
    for move in moves:
        if move.story and move.story.story_id in taken:
            continue
        try:
            issue = apply(issue, move)
        except UsageError:
            continue
    return issue


# -- the moves ---------------------------------------------------------------------------------------------------------


def _pin(issue: Issue, move: Move) -> Issue:
    """In its place for good; where another choice has left it out, it comes back."""
    present = next((story for story in issue.stories if story.story_id == move.story_id), None)
    if present is not None and present.pinned:
        raise UsageError(f"“{present.title}” is pinned already")
    found = present or move.story
    if found is None:
        raise _unknown(issue)
    place = move.story.position if move.story else found.position
    others = [story for story in issue.stories if story.story_id != move.story_id]
    return _placed(issue, [*others, replace(found, pinned=True, position=place)])


def _unpin(issue: Issue, move: Move) -> Issue:
    story = _story(issue, move.story_id)
    if not story.pinned:
        raise UsageError(f"“{story.title}” is not pinned")
    return _with(issue, replace(story, pinned=False))


def _drop(issue: Issue, move: Move) -> Issue:
    story = _story(issue, move.story_id)
    if len(issue.stories) == 1:
        raise UsageError("this is the only story: an issue cannot be without; to stop it, say: digest issues cancel")
    return _placed(issue, [each for each in issue.stories if each is not story])


def _insert(issue: Issue, move: Move) -> Issue:
    """Restore or add: at the story's own position, or last where the issue is shorter."""
    story = move.story
    if story is None:
        raise UsageError("no story was named")
    if any(each.story_id == story.story_id or each.link_key == story.link_key for each in issue.stories):
        raise UsageError(f"“{story.title}” is in the issue already")
    stories = list(issue.stories)
    stories.insert(story.position, story)
    return _placed(issue, stories)


def _order(issue: Issue, move: Move) -> Issue:
    """Those that are named come first, in their order; the others follow in theirs. Pinned ones move if they are named."""
    known = {story.story_id: story for story in issue.stories}
    named = [known[story_id] for story_id in dict.fromkeys(move.order) if story_id in known]
    if not named:
        raise UsageError("none of the stories to order is in the issue")
    rest = [story for story in issue.stories if story not in named]
    ordered = [replace(story, position=place) for place, story in enumerate([*named, *rest])]
    return _settled(issue, ordered)


def _title(issue: Issue, move: Move) -> Issue:
    story = _story(issue, move.story_id)
    return _with(issue, replace(story, title=_line(move.text, "a headline", TITLE_MAX)))


def _teaser(issue: Issue, move: Move) -> Issue:
    story = _story(issue, move.story_id)
    return _with(issue, replace(story, teaser=_short(" ".join(move.text.split()), "a teaser", TEXT_MAX)))


def _intro(issue: Issue, move: Move) -> Issue:
    return replace(issue, intro=_short(move.text.strip(), "an intro", TEXT_MAX))


def _subject(issue: Issue, move: Move) -> Issue:
    """An empty one gives the newsletter's own back."""
    return replace(issue, subject=_short(" ".join(move.text.split()), "a subject", TITLE_MAX) or None)


_ACTS: dict[Act, Callable[[Issue, Move], Issue]] = {
    Act.PIN: _pin,
    Act.UNPIN: _unpin,
    Act.DROP: _drop,
    Act.RESTORE: _insert,
    Act.ADD: _insert,
    Act.ORDER: _order,
    Act.TITLE: _title,
    Act.TEASER: _teaser,
    Act.INTRO: _intro,
    Act.SUBJECT: _subject,
}


# -- places ------------------------------------------------------------------------------------------------------------


def _placed(issue: Issue, stories: Sequence[IssueStory]) -> Issue:
    """The stories in their order, but for the pinned ones, which go where they are pinned."""
    ordered = [story for story in stories if not story.pinned]
    for story in sorted((story for story in stories if story.pinned), key=lambda each: each.position):
        ordered.insert(min(story.position, len(ordered)), story)
    return _settled(issue, ordered)


def _settled(issue: Issue, ordered: Sequence[IssueStory]) -> Issue:
    """Behind the lead, what belongs to one section stands together; those of no section come last.

    A paid-for story never leads: the first that is not takes its place.
    """
    lead = next((story for story in ordered if not is_sponsored(story.topics)), ordered[0])
    rest = [story for story in ordered if story is not lead]
    sections = list(dict.fromkeys(story.section for story in rest if story.section))
    grouped = sorted(rest, key=lambda story: sections.index(story.section) if story.section else len(sections))
    numbered = (replace(story, position=place) for place, story in enumerate([lead, *grouped]))
    return replace(issue, stories=tuple(replace(story, why=_why(story)) for story in numbered))


def _why(story: IssueStory) -> str:
    """The reason with its new place."""
    place = "in: the lead" if story.position == 0 else f"in: rank {story.position + 1}"
    pinned = ", pinned by an editor" if story.pinned else ""
    _, mark, rest = story.why.partition("; ")
    return f"{place}{pinned}{mark}{rest}"


# -- one story, one text -----------------------------------------------------------------------------------------------


def _story(issue: Issue, story_id: int | None) -> IssueStory:
    for story in issue.stories:
        if story.story_id == story_id:
            return story
    raise _unknown(issue)


def _unknown(issue: Issue) -> UsageError:
    return UsageError(f"issue {issue.id} does not have this story")


def _with(issue: Issue, changed: IssueStory) -> Issue:
    stories = (changed if story.story_id == changed.story_id else story for story in issue.stories)
    return replace(issue, stories=tuple(replace(story, why=_why(story)) for story in stories))


def _line(text: str, what: str, most: int) -> str:
    line = " ".join(text.split())
    if not line:
        raise UsageError(f"{what} cannot be empty")
    return _short(line, what, most)


def _short(text: str, what: str, most: int) -> str:
    if len(text) > most:
        raise UsageError(f"{what} can have {most} characters, not {len(text)}")
    return text
