"""subscribers/NAME.csv: a header line; `email` is needed, `name`, `topics`, `language` and `timezone` are optional.

What is not here: opening the file (flow/membership), deciding what becomes of each entry (store/subscribers).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from digest.errors import AddressError, UsageError
from digest.model.subscriber import ListEntry, Refusal, clean_name, email_key, normalize_email, zone_named

COLUMNS = ("email", "name", "topics", "language", "timezone")

LANGUAGE_MAX = 35
"""Letters of a language tag (RFC 5646 §4.4.1)."""
ROW_MAX_LINES = 20
"""Lines of one row; more is a quote that somebody forgot to close."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BROKEN = "\0"
"""Begins the cell that stands for a row which is no CSV."""
_TOPIC_SEPARATOR = re.compile(r"[;|]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class ListFile:
    """What a list's file says: entries in order, and the lines that cannot be taken over."""

    entries: tuple[ListEntry, ...]
    refused: tuple[Refusal, ...]


def decoded(content: bytes) -> str:
    """The text of a list's file: UTF-8, else what spreadsheets of western Europe write.

    A few bad bytes in a file that is UTF-8 elsewhere spoil their own lines only: they become lone surrogates, which no
    address may hold.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        is_utf8 = any(not line.isascii() and _is_utf8(line) for line in content.splitlines())
        return content.decode("utf-8-sig", "surrogateescape") if is_utf8 else content.decode("cp1252", "replace")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def read_list(text: str) -> ListFile:
    """Read the text of a list's file. Separator: comma, semicolon or tab, as the header line has it.

    A file without a character is a list without anybody. Raises UsageError when there is no header line with an `email`
    column; every other fault is a refused line.
    """
    if not text.strip("\ufeff \t\r\n"):
        return ListFile((), ())
    rows = _rows(text)
    header = [cell.strip().casefold() for cell in next(rows, (0, [""]))[1]]
    if "email" not in header:
        raise UsageError(f"the first line must name the columns, `email` among them; it is: {','.join(header)[:80]!r}")
    return _sorted_out(_entry(header, line, cells) for line, cells in rows if any(cell.strip() for cell in cells))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line each one begins on.

    A quote that is opened and never closed spoils its own line only, not all that follow.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    delimiter = max(",;\t", key=lines[0].count)
    at = 0
    while at < len(lines):
        cells, length = _row([f"{line}\n" for line in lines[at : at + ROW_MAX_LINES]], delimiter)
        yield at + 1, cells
        at += length


def _row(lines: Sequence[str], delimiter: str) -> tuple[list[str], int]:
    """The row that begins with the first line, and how many lines it takes."""
    try:
        reader = csv.reader(lines, delimiter=delimiter)
        cells = next(reader)
        if reader.line_num > 1:
            # Only a strict reader tells a quote that spans lines from one that was never closed.
            cells = next(reader := csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        return [f"{_BROKEN}{error}"], 1
    return [_meant(cell) for cell in cells], reader.line_num


def _entry(header: Sequence[str], line: int, cells: Sequence[str]) -> ListEntry | Refusal:
    if cells[0].startswith(_BROKEN):
        return Refusal(line, f"cannot be read as CSV: {cells[0].removeprefix(_BROKEN)}")
    if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
        return Refusal(line, f"has {len(cells)} columns, the header line has {len(header)}")
    row = dict(zip(header, cells, strict=False))
    try:
        email = normalize_email(row.get("email", ""))
    except AddressError as error:
        return Refusal(line, str(error))
    language = row.get("language", "").strip()
    if language and (len(language) > LANGUAGE_MAX or not _LANGUAGE.fullmatch(language)):
        return Refusal(line, f"{language!r} is not a language tag such as en or en-GB")
    timezone = row.get("timezone", "").strip()
    if timezone and zone_named(timezone) is None:
        return Refusal(line, f"{timezone!r} is not a time zone of the IANA list such as Europe/London")
    name, chosen = clean_name(row.get("name", "")), topics(row.get("topics", ""))
    return ListEntry(line, email, name, chosen, language or None, timezone or None)


def topics(text: str) -> tuple[str, ...]:
    """The topics in a cell such as `naval; air`; empty means all."""
    return tuple(dict.fromkeys(cleaned for topic in _TOPIC_SEPARATOR.split(text) if (cleaned := clean_name(topic))))


def _sorted_out(results: Iterable[ListEntry | Refusal]) -> ListFile:
    entries: dict[str, ListEntry] = {}
    refused: list[Refusal] = []
    for result in results:
        if isinstance(result, Refusal):
            refused.append(result)
        elif (first := entries.setdefault(email_key(result.email), result)) is not result:
            refused.append(Refusal(result.line, f"{result.email} stands already on line {first.line}"))
    return ListFile(tuple(entries.values()), tuple(refused))


def csv_line(cells: Sequence[str]) -> str:
    """One line of CSV; no cell of it is taken for a formula by a spreadsheet."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([_harmless(cell) for cell in cells])
    return buffer.getvalue()


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _meant(cell: str) -> str:
    """What `_harmless` was given: what is exported can be read again."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
