"""A site's templates, tried on sample issues: every newsletter's template in every layout, and the golden mails it keeps.

What is not here: the sample issues and what must hold of them (render/trial).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from jinja2 import Environment

from digest.errors import TemplateError, UsageError
from digest.flow.newsroom import Newsroom
from digest.render.templates import environment
from digest.render.trial.checks import Fault, faults_of
from digest.render.trial.golden import difference
from digest.render.trial.mails import Subject, draw
from digest.render.trial.specimens import LENGTHS, Specimen, specimens
from digest.settings.tables import Theme

LAYOUTS: tuple[str, ...] = get_args(Theme.model_fields["layout"].annotation)
GOLDEN = Path("tests") / "golden"
"""Below the site: one mail for each newsletter and layout, kept to be compared with."""


@dataclass(slots=True)
class Found:
    """A fault, and where it came up: template, newsletters with layouts, samples."""

    template: str
    fault: Fault
    subjects: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it. golden: mails that are kept now; written: those of them that are new or were changed."""

    mails: int
    found: tuple[Found, ...]
    golden: int = 0
    written: tuple[Path, ...] = ()


def try_out(room: Newsroom, *, update_golden: bool = False) -> Outcome:
    """Draw every sample issue in every template and layout of the site; faults, each once. Raises UsageError."""
    made = environment(room.templates)
    found: dict[tuple[str, str, str], Found] = {}
    written: list[Path] = []
    number = golden = 0
    for subject in _subjects(room):
        for specimen in specimens():
            number += 1
            for template, fault in _faults(made, subject, specimen):
                each = found.setdefault((template, fault.check, fault.message), Found(template, fault))
                _note(each.subjects, f"{subject.name} ({subject.layout})")
                _note(each.samples, specimen.name)
        written += _golden(room, made, subject, found, update_golden)
        golden += _kept_in(room, subject).exists()
    return Outcome(number, tuple(found.values()), golden, tuple(written))


def _note(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _subjects(room: Newsroom) -> Iterator[Subject]:
    for name, newsletter in room.settings.newsletters.items():
        for layout in LAYOUTS:
            theme = newsletter.theme.model_copy(update={"layout": layout})
            drawn = newsletter.model_copy(update={"theme": theme})
            yield Subject(name, drawn, room.settings.site, room.settings.zone_of(name))


def _faults(made: Environment, subject: Subject, specimen: Specimen) -> Iterator[tuple[str, Fault]]:
    """Each fault with the template that it is in."""
    try:
        drawn = draw(made, subject, specimen)
    except TemplateError as error:
        remedy = "mend that line; what a template may print stands at the top of mail/digest.html.j2"
        yield error.template, Fault("renders", error.reason, remedy, "", "", error.line)
        return
    for fault in faults_of(drawn):
        yield f"mail/{subject.newsletter.template}.{fault.part}.j2", fault


def _kept_in(room: Newsroom, subject: Subject) -> Path:
    return room.settings.root / GOLDEN / f"{subject.name}-{subject.layout}.eml"


def _golden(
    room: Newsroom, made: Environment, subject: Subject, found: dict[tuple[str, str, str], Found], update: bool
) -> Iterator[Path]:
    """Compare with the kept mail, if there is one; or keep it anew."""
    file = _kept_in(room, subject)
    if not (update or file.exists()):
        return
    specimen = next(each for each in specimens() if each.name.startswith(f"{LENGTHS[1]} "))
    try:
        message = draw(made, subject, specimen).message
        kept = file.read_bytes() if file.exists() else None
        if update and kept != message:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(message)
            yield file
    except TemplateError:  # told already
        return
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    if not update and kept is not None and (told := difference(kept, message)):
        where = str(file.relative_to(room.settings.root))
        fault = Fault("golden", f"the mail is not the one kept:\n{told}", "if it is meant: --update-golden", "", where)
        name = f"mail/{subject.newsletter.template}.html.j2"
        found[name, "golden", where] = Found(name, fault, [f"{subject.name} ({subject.layout})"], [specimen.name])
