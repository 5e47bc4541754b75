"""An issue as a form, and back: what nobody changed is no change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.cli.form import form_of, moves_of
from digest.model.issue import Issue, IssueState
from tests.store.world import NOW, issue_story

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
texts = st.one_of(anything, st.text("a\n\\\"ntr\r'\x7f ", max_size=20))


@given(title=texts, teaser=texts, intro=texts)
def test_a_form_that_nobody_touched_asks_for_nothing(title: str, teaser: str, intro: str) -> None:
    story = issue_story(title=title, teaser=teaser)
    issue = Issue(
        1, "notes", "regular", NOW, IssueState.REVIEW, intro=intro.strip(), subject=title or None, stories=(story,)
    )
    assert moves_of(form_of(issue), issue) == []
