"""The Jinja environment of mails: where templates are looked up, what they may do, and their faults in plain words.

What does not live here: the values that a template gets (html), what it can do with them (filters), the placeholders
among them (slots).
"""

from __future__ import annotations

import difflib
import os
import traceback
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, DictLoader, Environment, FileSystemLoader, StrictUndefined, nodes
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError, TemplateNotFound, TemplateSyntaxError, UndefinedError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from digest.errors import TemplateError
from digest.render.filters import FILTERS
from digest.render.slots import MORE, Placeholder, SlotMisuse, mark

MARKS = "story_marks"
"""The name under which a context carries its Marks."""
_STRING = "<template>"
"""The file name that Jinja gives to a template made from a string."""


class Marks:
    """Numbers the stories of one issue in their order, then its groups, then `more`, for the marks around their blocks."""

    def __init__(self, nonce: str, stories: Iterable[Hashable]) -> None:
        self.nonce = nonce
        self._numbers = {story: number for number, story in enumerate(stories)}

    def around(self, story: Hashable, body: str, html: bool) -> str:
        """`body` between the marks of `story`."""
        number = self._numbers.get(story)
        if number is None:
            raise SlotMisuse(
                "a story block was given something that is no story of this issue, or a heading no group of `sections`"
            )
        return f"{mark(self.nonce, number, False, html)}{body}{mark(self.nonce, number, True, html)}"


class StoryExtension(Extension):
    """`{% story s %}…{% endstory %}`: this block is left out for subscribers who do not follow the story's topics.

    `{% heading g %}…{% endheading %}` likewise: left out for those who get no story of the group `g` (one of `sections`).
    `{% more %}…{% endmore %}` stands only where the mail leaves stories to the web version.
    """

    tags = {"story", "heading", MORE}  # noqa: RUF012 - the attribute is Jinja's, and so is its type

    def parse(self, parser: Parser) -> nodes.Node:
        """Read the tag: the story or group if it is of one, then everything up to its end."""
        tag = next(parser.stream)
        subject = nodes.Const(MORE) if tag.value == MORE else parser.parse_expression()
        arguments = [subject, nodes.ContextReference()]
        body = parser.parse_statements((f"name:end{tag.value}",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_bracket", arguments), [], [], body).set_lineno(tag.lineno)

    def _bracket(self, story: Hashable, context: Context, caller: Callable[[], str]) -> str:
        marks = context.get(MARKS)
        if not isinstance(marks, Marks):
            raise SlotMisuse("a story block needs the issue's values: write {% import … with context %}, or include")
        html = bool(context.eval_ctx.autoescape)
        text = marks.around(story, caller(), html)
        return Markup(text) if html else text  # noqa: S704 - the body was escaped when it was rendered


def environment(folders: Sequence[Path]) -> Environment:
    """The environment that looks templates up in `folders`, in this order.

    Sandboxed, because subject and preheader come from the settings and templates from a site's folder; strict about
    unknown names; escaping in every template but `.txt.j2`. It is kept, and with it the compiled templates, until one of
    the files is changed, added or taken away. No side effects.
    """
    return _environment(tuple(map(str, folders)), state_of(folders))


def state_of(folders: Sequence[Path]) -> tuple[tuple[str, int, int], ...]:
    """What the templates in `folders` are now: path, time of change and size of each; equal while nothing was changed."""
    files = (file for folder in folders for file in sorted(folder.rglob("*.j2")))
    return tuple((str(file), found.st_mtime_ns, found.st_size) for file in files if (found := _found(file)))


def _found(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:  # an editor is just saving it
        return None


@lru_cache(maxsize=8)
def _environment(folders: tuple[str, ...], _state: Hashable) -> Environment:
    return _made(FileSystemLoader(folders))


def environment_of(sources: Mapping[str, str]) -> Environment:
    """The same over templates that are given: name -> source. The latest few are kept, compiled."""
    return _environment_of(tuple(sources.items()))


@lru_cache(maxsize=4)
def _environment_of(sources: tuple[tuple[str, str], ...]) -> Environment:
    return _made(DictLoader(dict(sources)))


def sources_of(environment: Environment) -> dict[str, str]:
    """The source of every template that can be read, by its name: what `environment_of` takes."""
    found = {name: _source(environment, name) for name in environment.list_templates(extensions=["j2"])}
    return {name: source for name, source in found.items() if source is not None}


def _source(environment: Environment, name: str) -> str | None:
    try:
        return environment.loader.get_source(environment, name)[0] if environment.loader else None
    except (OSError, UnicodeDecodeError, TemplateNotFound):  # not one of those that were just drawn
        return None


def _made(loader: BaseLoader) -> Environment:
    made = ImmutableSandboxedEnvironment(
        loader=loader,
        undefined=StrictUndefined,
        autoescape=_escapes,
        finalize=_printed,
        extensions=[StoryExtension],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(FILTERS)
    return made


def _escapes(name: str | None) -> bool:
    """Everything but plain text and the settings' strings, so that a partial with an odd name errs to the safe side."""
    return name is not None and not name.endswith(".txt.j2")


def _printed(value: object) -> object:
    """What is printed for a value: a placeholder for a slot, nothing for None."""
    if isinstance(value, Placeholder):
        return Markup(value.placeholder)  # noqa: S704 - letters and digits
    return "" if value is None else value


# -- rendering, and what goes wrong with it ----------------------------------------------------------------------------


def render_file(environment: Environment, name: str, context: Mapping[str, Any]) -> str:
    """Render the template called `name`. Raises TemplateError, whatever goes wrong inside."""
    try:
        return environment.get_template(name).render(context)
    except Exception as error:
        raise _explained(error, name, context) from error


def render_string(environment: Environment, source: str, where: str, context: Mapping[str, Any]) -> str:
    """Render a template from the settings; `where` is its key. Raises TemplateError, whatever goes wrong inside."""
    try:
        return environment.from_string(source).render(context)
    except Exception as error:
        raise _explained(error, where, context) from error


def _explained(error: Exception, name: str, known: Mapping[str, Any]) -> TemplateError:
    file, line = _place(error, name)
    return TemplateError(file, line, _reason(error, known))


def _place(error: Exception, name: str) -> tuple[str, int | None]:
    """The innermost template line in the traceback, which Jinja has rewritten to template files."""
    if isinstance(error, TemplateSyntaxError):
        return error.filename or error.name or name, error.lineno
    place: tuple[str, int | None] = (name, None)
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if file.endswith(".j2") or file == _STRING:
            place = (name if file == _STRING else file, line)
    return place


def _reason(error: Exception, known: Mapping[str, Any]) -> str:
    match error:
        case SlotMisuse():
            return str(error)
        case TemplateNotFound():
            return f"there is no template {error.name!r}, neither in the site's templates nor in the shipped ones"
        case TemplateSyntaxError():
            return f"this is not a valid template: {error.message}"
        case UndefinedError():
            return f"{error.message}{_meant(str(error.message), known)}"
        case SecurityError():
            return f"a template may not do this: {error}"
        case UnicodeDecodeError():
            return "the template is not in UTF-8"
        case JinjaError():
            return str(error)
        case _:
            return f"the template fails here: {error} ({type(error).__name__})"


def _meant(message: str, known: Mapping[str, Any]) -> str:
    """A hint at the name that was probably meant; only for plain names."""
    name = message.split("'")[1] if message.count("'") == 2 else ""
    names = sorted(key for key in known if key != MARKS)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known here: {', '.join(names)}" if message.startswith(f"'{name}' is undefined") else ""
