"""A month of issues, day by day: nothing twice, nothing lost without a reason, the same on every run."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

from digest.compose.select import Carried, Selection, Told, select
from digest.model.issue import IssueStory
from digest.model.story import Story
from digest.store.stories import marks
from tests.compose.month import DAYS, FIRST, SOURCES, event_of, month
from tests.compose.pool import rules

LIVE = {each.id for each in month() if event_of(each).startswith("live")}


def replayed(news: list[Story], shuffle: int | None = None) -> list[Selection]:
    """The selections of a month of mornings, each with the memory of those before."""
    dice = random.Random(shuffle)
    by_id = {each.id: each for each in news}
    memory: dict[tuple[str, str], Carried] = {}
    told: list[Told] = []
    issues: list[Selection] = []
    for day in range(1, DAYS + 1):
        now = FIRST + timedelta(days=day)
        pool = [each for each in news if now - timedelta(days=8) < each.first_seen <= now]
        if shuffle is not None:
            dice.shuffle(pool)
        carried = {each.id: memory[mark] for each in pool for mark in marks(each) if mark in memory}
        since = now - timedelta(days=1) if issues else None
        chosen = select(pool, carried, rules(SOURCES, now=now, since=since, max=6, per_source=3), told)
        issues.append(chosen)
        told += [Told(by_id[each.story_id], Carried(day)) for each in chosen.stories]
        memory |= {mark: Carried(day) for each in chosen.stories for mark in marks(each)}
    return issues


def test_no_story_and_no_event_is_told_twice_in_a_month() -> None:
    news = month()
    by_id = {each.id: each for each in news}
    sent: list[IssueStory] = [each for issue in replayed(news) for each in issue.stories]
    assert len(sent) > 5 * DAYS
    for what in (lambda s: s.link_key, lambda s: s.title_key or s.link_key, lambda s: event_of(by_id[s.story_id])):
        assert {key: number for key, number in Counter(map(what, sent)).items() if number > 1} == {}


def test_what_a_source_brings_again_with_another_headline_is_out_for_what_it_is() -> None:
    news = month()
    again = {each.id for each in news if len((each.guid or "").partition("/")[2]) > 6}
    reasons = [issue.why[each] for issue in replayed(news) for each in again if each in issue.why]
    assert sum(reason.startswith("out: duplicate of") for reason in reasons) > 30


def test_every_day_of_a_live_report_is_a_story_of_its_own() -> None:
    issues = replayed(month())
    whys = [why for issue in issues for each, why in issue.why.items() if each in LIVE]
    assert len({each.title for issue in issues for each in issue.stories if each.story_id in LIVE}) > 3
    assert not any("duplicate of" in why or "the same story" in why for why in whys)


def test_a_month_is_the_same_on_every_run_and_in_whatever_order_the_stories_come() -> None:
    news = month()
    first = [(issue.stories, dict(issue.why)) for issue in replayed(news)]
    for run in range(9):
        assert [(issue.stories, dict(issue.why)) for issue in replayed(news, shuffle=run)] == first


def test_what_several_sources_tell_is_told_once_and_names_the_others() -> None:
    news = month()
    by_id = {each.id: each for each in news}
    shared = [each for issue in replayed(news) for each in issue.stories if each.also]
    assert len(shared) > 20
    for each in shared:
        links = {other.link: event_of(other) for other in news}
        assert {links[also.link] for also in each.also} == {event_of(by_id[each.story_id])}


def test_columns_of_several_sources_are_stories_of_their_own() -> None:
    told = [each for issue in replayed(month()) for each in issue.stories if each.title == "Weekly roundup"]
    assert all(each.also == () for each in told)
