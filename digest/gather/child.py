"""The process that reads foreign bytes: started by `parsing`, fed over its standard input, ended with it.

A hostile feed can hold or break a parser; here it holds or breaks a process that can be killed and that knows no secret.
The heavy libraries (feedparser, py3langid with numpy, trafilatura) are loaded here and nowhere else.

What is not here: starting and killing it (parsing), and how feeds and pages are read (feeds, pages, articles, suggest).
"""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from json import loads
from pathlib import Path
from typing import Any, BinaryIO

from digest.errors import GatherError, PageChanged
from digest.gather.articles import article_of, with_article
from digest.gather.document import parse
from digest.gather.feeds import parse_feed
from digest.gather.pages import stories_of_page
from digest.gather.suggest import suggest
from digest.gather.wire import LENGTHS, from_story, packed, to_story
from digest.settings import Source

MEMORY_BYTES = 1_000_000_000
_TIRED_KB = 400_000  # memory once taken is not given back; a process that has grown to this is replaced

Task = Callable[[bytes, dict[str, Any]], Any]


def main() -> None:
    """Answer task after task until the standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes our input
    tasks, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints must not write into an answer
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    with contextlib.suppress(BrokenPipeError):
        _send(answers, packed({"ready": True}))
        while (task := _next(tasks)) is not None:
            _send(answers, packed({"taken": True}))
            _send(answers, packed(_answer(*task)))


def _next(tasks: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    lengths = tasks.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head_bytes, body_bytes = LENGTHS.unpack(lengths)
    head = tasks.read(head_bytes)
    return loads(head), tasks.read(body_bytes)


def _send(answers: BinaryIO, frame: bytes) -> None:
    answers.write(frame)
    answers.flush()


def _answer(head: dict[str, Any], body: bytes) -> dict[str, Any]:
    """What `head["task"]` gives, or why it gave nothing; whatever happens, it is an answer."""
    _limit(resource.RLIMIT_CPU, int(_cpu_s() + head["limit_s"]) + 1)
    try:
        answer = {"value": _TASKS[head["task"]](body, head)}
    except GatherError as error:
        answer = {"error": str(error), "permanent": error.permanent, "changed": isinstance(error, PageChanged)}
    except MemoryError:
        answer = {"error": "it needs too much memory to be read", "permanent": False, "tired": True}
    except RecursionError:
        answer = {"error": "it is nested too deeply to be read", "permanent": False}
    except Exception:  # parsers have no error tree, and one answer must not end the process for the others
        answer = {"error": "it is broken: something in it cannot be read", "permanent": False}
    return {"tired": _memory_kb() > _TIRED_KB} | answer


def _memory_kb() -> int:
    """What the process holds now. Its peak (ru_maxrss) would be that of whoever started it, where that is larger."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):  # no Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * resource.getpagesize() // 1024


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _limit(what: int, soft: int) -> None:
    hard = resource.getrlimit(what)[1]
    wanted = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
    with contextlib.suppress(OSError, ValueError):  # a system that knows no such limit; the parent's clock still holds
        resource.setrlimit(what, (wanted, hard))


# -- tasks -------------------------------------------------------------------------------------------------------------


def _stories(body: bytes, head: dict[str, Any]) -> Any:
    source, now = Source.model_validate(head["source"]), datetime.fromisoformat(head["now"])
    read = parse_feed if source.kind == "feed" else stories_of_page
    found = read(body, head["content_type"], head["url"], head["name"], source, now)
    return [from_story(story) for story in found]


def _article(body: bytes, head: dict[str, Any]) -> Any:
    now = datetime.fromisoformat(head["now"])
    return from_story(with_article(to_story(head["story"]), body, head["content_type"], head["url"], now))


def _headline(body: bytes, head: dict[str, Any]) -> Any:
    found = article_of(parse(body, head["content_type"]), head["url"])
    return found.title if found else None


def _suggestion(body: bytes, head: dict[str, Any]) -> Any:
    found = suggest(body, head["content_type"], head["url"], datetime.fromisoformat(head["now"]))
    return {
        "feed": found.feed,
        "how": found.how,
        "rules": found.rules,
        "stories": [from_story(story) for story in found.stories],
    }


_TASKS: dict[str, Task] = {"stories": _stories, "article": _article, "headline": _headline, "suggest": _suggestion}


if __name__ == "__main__":
    main()
