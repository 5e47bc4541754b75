"""A month of made-up news: events that several sources tell, some told again at another address, or again with a mark and a
mended headline at an address and with an id of their own; columns, a series whose instalments differ in a number only."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from digest.gather.identity import link_key, title_key
from digest.model.story import Story

FIRST = datetime(2026, 10, 1, 7, 0, tzinfo=UTC)
DAYS = 30
SOURCES = ("wire", "papers", "post", "notes", "herald")

_PLACES = [
    "Oakwell",
    "Harbourton",
    "Northmoor",
    "Eastbrook",
    "Westley",
    "Fenwick",
    "Greyport",
    "Linden",
    "Marlow",
    "Stanhope",
    "Ashby",
    "Corran",
]
_ACTORS = [
    "navy",
    "army",
    "ministry",
    "shipyard",
    "airline",
    "council",
    "union",
    "hospital",
    "university",
    "railway",
    "brewery",
    "museum",
]
_ACTS = [
    "orders",
    "rejects",
    "opens",
    "closes",
    "sells",
    "buys",
    "audits",
    "repairs",
    "delays",
    "launches",
    "merges",
    "renames",
]
_THINGS = [
    "frigates",
    "helicopters",
    "tunnels",
    "archives",
    "tramways",
    "reactors",
    "orchards",
    "bridges",
    "satellites",
    "pensions",
    "libraries",
    "ferries",
]

_SYLLABLES = ("ba", "dor", "fen", "gi", "ka", "lo", "mi", "nu", "pel", "ren", "sa", "tu", "ves", "wi", "zor")


def event_of(story: Story) -> str:
    """Which event a story tells of."""
    return (story.guid or "").partition("/")[0]


def month(seed: int = 1) -> list[Story]:
    """Every story of the month, in the order in which it was first seen."""
    dice = random.Random(seed)
    found: list[Story] = []
    used: list[tuple[str, str, str, str]] = []
    for number in range(DAYS * 9):
        begun = FIRST + timedelta(minutes=dice.randrange(DAYS * 24 * 60))
        words = _words(dice, used)
        told = _details(dice)
        sources = dice.sample(SOURCES, dice.choice([1, 1, 1, 2, 3]))
        for place, source in enumerate(sources):
            seen = begun + timedelta(hours=dice.randrange(1, 40) * place)
            found.append(_story(f"e{number}", source, place, words, told, seen))
        if dice.random() < 0.15:  # published anew, with another id, at another address
            again = found[-1]
            moved = f"{again.link}-updated"
            later = again.first_seen + timedelta(days=dice.choice([1, 3, 8]))
            found.append(
                replace(
                    again,
                    guid=f"e{number}/again",
                    link=moved,
                    link_key=link_key(moved),
                    published=later,
                    first_seen=later,
                )
            )
    found += [_again(dice, each) for each in found[:] if dice.random() < 0.2]
    found += [_instalment(day) for day in range(1, DAYS)]
    found += [_column(day, source) for day in range(0, DAYS, 7) for source in SOURCES]
    ordered = sorted(found, key=lambda each: (each.first_seen, each.link_key))
    return [replace(each, id=number) for number, each in enumerate(ordered, 1)]


def _words(dice: random.Random, used: list[tuple[str, str, str, str]]) -> tuple[str, str, str, str]:
    """Who does what where; two events have two of these four in common at most."""
    while True:
        drawn = dice.choice(_PLACES), dice.choice(_ACTORS), dice.choice(_ACTS), dice.choice(_THINGS)
        if all(sum(a == b for a, b in zip(drawn, other, strict=True)) <= 2 for other in used):
            used.append(drawn)
            return (*drawn[:3], f"{drawn[3]} of {_name(dice)}")


def _name(dice: random.Random) -> str:
    """A name that no other event has."""
    return "".join(dice.choice(_SYLLABLES) for _ in range(4)).capitalize()


def _details(dice: random.Random) -> list[str]:
    """What else there is to be told of an event; another event has few of these words."""
    return ["".join(dice.choice(_SYLLABLES) for _ in range(3)) for _ in range(12)]


def _story(
    event: str, source: str, place: int, words: tuple[str, str, str, str], told: list[str], seen: datetime
) -> Story:
    town, actor, act, thing = words
    title = f"{town} {actor} {act} {thing}" if place % 2 == 0 else f"{thing.capitalize()}: {town} {actor} {act}"
    teaser = f"The {actor} of {town} was asked about {' '.join(told[place : place + 9])}; its speaker gave no date."
    link = f"https://{source}.example.com/{event}"
    return Story(0, source, f"{event}/{source}", link, link_key(link), title, title_key(title), teaser, seen, seen)


def _again(dice: random.Random, first: Story) -> Story:
    """What a content system makes of a story that was touched up: nothing is the same, and there is nothing new."""
    seen = first.first_seen + timedelta(hours=dice.choice([2, 5, 30, 24 * 7, 24 * 15]))
    title = dice.choice(
        [f"UPDATE {dice.randrange(1, 5)}-{first.title}", f"{first.title}: live", f"{first.title} – ministry says",
         f"Breaking: {first.title}"]
    )  # fmt: skip
    link = f"{first.link}-{seen:%Y-%m-%d}-{dice.randrange(10**6)}"
    return replace(
        first, guid=f"{event_of(first)}/{dice.randrange(10**9)}", link=link, link_key=link_key(link), title=title,
        title_key=title_key(title), teaser=dice.choice([first.teaser, f"{first.teaser} More to come."]),
        published=seen, first_seen=seen,
    )  # fmt: skip


def _instalment(day: int) -> Story:
    seen = FIRST + timedelta(days=day, hours=-1)
    title = f"War in the northern strait live: day {day}"
    link = f"https://wire.example.com/live/{day}"
    return Story(
        0, "wire", f"live{day}/", link, link_key(link), title, title_key(title),
        "Our reporters tell what happens in the strait from the early morning on, hour by hour.", seen, seen,
    )  # fmt: skip


def _column(day: int, source: str) -> Story:
    seen = FIRST + timedelta(days=day, hours=1)
    link = f"https://{source}.example.com/column/{day}"
    return Story(
        0, source, f"column{day}{source}/", link, link_key(link), "Weekly roundup", title_key("Weekly roundup"),
        "What the week has brought, in a few lines and pictures that our readers have sent us.", seen, seen,
    )  # fmt: skip
