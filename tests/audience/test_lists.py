"""Reading subscribers/NAME.csv, as editors and spreadsheets write it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.audience.lists import COLUMNS, ListFile, csv_line, read_list, topics
from digest.clock import monotonic
from digest.errors import UsageError
from digest.model.subscriber import ListEntry, Refusal

ANNA = ListEntry(2, "anna@example.org", "Anna Q", ("naval", "air"), "en")


def emails(text: str) -> list[tuple[int, str]]:
    return [(entry.line, entry.email) for entry in read_list(text).entries]


@pytest.mark.parametrize(
    "text",
    [
        "email,name,topics,language\nanna@example.org,Anna Q,naval;air,en\n",
        "\ufeffemail,name,topics,language\nanna@example.org,Anna Q,naval;air,en\n",
        "email,name,topics,language\r\nanna@example.org,Anna Q,naval;air,en\r\n",
        "email,name,topics,language\ranna@example.org,Anna Q,naval;air,en\r",
        "email;name;topics;language\nanna@example.org;Anna Q;naval|air;en",
        "email\tname\ttopics\tlanguage\nanna@example.org\tAnna Q\tnaval; air\ten\n",
        "Email , NAME,Topics,Language\n anna@example.org ,  Anna   Q ,naval;air;;naval, en \n",
        '"email","name","topics","language"\n"anna@example.org","Anna Q","naval;air","en"\n',
        "language,topics,email,name\nen,naval;air,anna@example.org,Anna Q\n",
        'email,name,topics,language\nanna@example.org,"Anna\nQ","naval\n;air",en\n',
        "email,name,topics,language\nanna@EXAMPLE.org,Anna\0Q,naval;air,en\n",
        "email,phone,name,topics,language\nanna@example.org,555,Anna Q,naval;air,en\n",
        "email,name,topics,language\nanna@example.org,Anna Q,naval;air,en,,\n",
        "email,name,topics,language\nanna@example.org,Anna Q,naval;air,en\n\n,,,\n  \n",
    ],
    ids=[
        "plain", "byte order mark", "CRLF", "CR", "semicolons", "tabs", "blanks and case", "quotes", "other order",
        "line ends in quotes", "NUL", "a column of their own", "empty cells at the end", "empty lines",
    ],
)  # fmt: skip
def test_a_list_is_read_however_it_was_saved(text: str) -> None:
    found = read_list(text)
    assert (found.entries, found.refused) == ((ANNA,), ())


def test_a_list_needs_nothing_but_addresses() -> None:
    assert read_list("email\nanna@example.org\n").entries == (ListEntry(2, "anna@example.org", "", (), None),)


def test_a_comma_in_a_quoted_name_is_part_of_the_name() -> None:
    found = read_list('email,name\nanna@example.org,"Quist, ""Anna"" A."\n')
    assert found.entries[0].name == 'Quist, "Anna" A.'


def test_a_name_with_line_ends_does_not_shift_the_numbers_of_the_lines_after_it() -> None:
    text = 'email,name\na@example.org,"A\nB\nC"\nwrong\nb@example.org,B\n'
    assert emails(text) == [(2, "a@example.org"), (6, "b@example.org")]
    assert [each.line for each in read_list(text).refused] == [5]


def test_bad_lines_are_refused_by_number_and_the_good_ones_are_kept() -> None:
    text = "\n".join([
        "email,name,topics,language",
        "good-1@example.org,One,,",
        "not an address,Two,,",
        ",No address,,",
        "good-2@example.org,Three,,english language",
        "good-3@example.org,Four,,en,extra",
        "bad\0@example.org,Five,,",
        "two@@example.org,Six,,",
        "good-4@example.org",
    ])  # fmt: skip
    found = read_list(text)
    assert emails(text) == [(2, "good-1@example.org"), (9, "good-4@example.org")]
    assert found.refused == (
        Refusal(3, "'not an address' is not an address that mail can be sent to: it is not of the form name@domain"),
        Refusal(4, "'' is not an address that mail can be sent to: it is not of the form name@domain"),
        Refusal(5, "'english language' is not a language tag such as en or en-GB"),
        Refusal(6, "has 5 columns, the header line has 4"),
        Refusal(7, r"'bad\x00@example.org' is not an address that mail can be sent to: it holds a control character"),
        Refusal(8, "'two@@example.org' is not an address that mail can be sent to: "
                   "the part before the @ holds a character that is not allowed there"),
    )  # fmt: skip


@pytest.mark.parametrize("rest", [1, 5, 100])
def test_a_quote_that_is_never_closed_spoils_its_own_line_only(rest: int) -> None:
    after = [f"r{number}@example.org,R" for number in range(rest)]
    text = "\n".join(["email,name", "a@example.org,A", 'b@example.org,"B', *after]) + "\n"
    found = read_list(text)
    assert [entry.email for entry in found.entries] == ["a@example.org", *(f"r{n}@example.org" for n in range(rest))]
    assert [each.line for each in found.refused] == [3]


def test_a_cell_of_absurd_length_spoils_its_own_line_only() -> None:
    found = read_list(f"email,name\na@example.org,{'x' * 200_000}\nb@example.org,B\n")
    assert [entry.email for entry in found.entries] == ["b@example.org"]
    assert [each.line for each in found.refused] == [2]


def test_an_address_that_stands_twice_counts_once_whatever_its_case() -> None:
    found = read_list("email,name\nanna@example.org,Anna\nb@example.org,B\nANNA@Example.ORG,Other\n")
    assert [(entry.email, entry.name) for entry in found.entries] == [
        ("anna@example.org", "Anna"),
        ("b@example.org", "B"),
    ]
    assert found.refused == (Refusal(4, "ANNA@example.org stands already on line 2"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("anna@example.org\nb@example.org\n", "'anna@example.org'"),
        ("name,topics\nAnna,naval\n", "'name,topics'"),
        ("e-mail,name\nanna@example.org,Anna\n", "'e-mail,name'"),
        ("\0\n", r"'\x00'"),
    ],
    ids=["no header", "no email column", "another word", "NUL"],
)
def test_a_file_without_a_header_is_refused_whole(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_list(text)
    assert str(caught.value) == f"the first line must name the columns, `email` among them; it is: {said}"


def test_a_header_alone_is_an_empty_list() -> None:
    found = read_list("email,name\n")
    assert (found.entries, found.refused) == ((), ())


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [("", ()), ("naval", ("naval",)), (" a ; b|c;;a ", ("a", "b", "c")), ("air\0force", ("air force",)), (";|;", ())],
)
def test_topics_are_cut_at_semicolons_and_bars(cell: str, wanted: tuple[str, ...]) -> None:
    assert topics(cell) == wanted


def test_ten_thousand_lines_are_read_in_no_time() -> None:
    text = "email,name\n" + "".join(f'reader-{number}@example.org,"Reader {number}"\n' for number in range(10_000))
    begun = monotonic()
    found = read_list(text)
    assert (len(found.entries), found.refused) == (10_000, ())
    assert monotonic() - begun < 5


def test_ten_thousand_broken_quotes_are_refused_in_no_time() -> None:
    begun = monotonic()
    found = read_list("email,name\n" + 'a@example.org,"A\n' * 10_000)
    assert len(found.refused) + len(found.entries) == 10_000
    assert monotonic() - begun < 5


# -- writing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-1", "@sum", "\tx", "\rx"])
def test_no_cell_is_taken_for_a_formula(cell: str) -> None:
    assert csv_line(["a", cell]).replace('"', "") == f"a,'{cell}\n"


@pytest.mark.parametrize("cell", ["", "Anna", "1 - 1", "a=b", "it's", "'quoted'"])
def test_a_harmless_cell_is_written_as_it_is(cell: str) -> None:
    assert next(csv.reader(io.StringIO(csv_line(["a", cell])))) == ["a", cell]


@pytest.mark.parametrize("email", ["+tag@example.org", "-a@example.org", "=b@example.org", "o'hara@example.org"])
def test_an_address_comes_back_as_it_was_exported(email: str) -> None:
    text = csv_line(COLUMNS) + csv_line([email, '=HYPERLINK("x")', "a;b", "en", "Asia/Tokyo"])
    assert read_list(text).entries == (ListEntry(2, email, '=HYPERLINK("x")', ("a", "b"), "en", "Asia/Tokyo"),)


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), max_size=20), max_size=5))
def test_any_name_comes_back_as_it_was_exported(names: list[str]) -> None:
    rows = [csv_line([f"r{number}@example.org", name, "", ""]) for number, name in enumerate(names)]
    found = read_list(csv_line(COLUMNS) + "".join(rows))
    expected = [name[1:] if name[:1] == "'" and name[1:2] in set("=+-@") else name for name in names]
    assert [entry.name for entry in found.entries] == expected
    assert found.refused == ()


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        found = read_list(f"email,name\n{text}")
    except UsageError:
        pytest.fail("there is a header line")
    assert all(each.line > 1 and each.reason for each in found.refused)


@settings(deadline=None)
@given(st.text())
def test_any_first_line_is_a_header_or_refused_with_a_sentence(text: str) -> None:
    try:
        read_list(text)
    except UsageError as error:
        assert str(error).startswith("the first line must name the columns")  # noqa: PT017 - anything else fails


@pytest.mark.parametrize("text", ["", "\n", "\ufeff \r\n"])
def test_a_file_without_a_character_is_a_list_without_anybody(text: str) -> None:
    assert read_list(text) == ListFile((), ())


def test_a_row_that_is_no_csv_is_refused_in_plain_words() -> None:
    refused = read_list('email,name\na@example.org,"oops\nb@example.org,x\n').refused
    assert [(each.line, each.reason.startswith("cannot be read as CSV: ")) for each in refused] == [(2, True)]


def test_a_time_zone_is_taken_over_and_an_unknown_one_refused_with_its_reason() -> None:
    found = read_list(
        "email,timezone\nanna@example.org, Asia/Kathmandu \nben@example.org,Nowhere/Town\ncleo@example.org,\n"
    )
    assert [(each.email, each.timezone) for each in found.entries] == [
        ("anna@example.org", "Asia/Kathmandu"),
        ("cleo@example.org", None),
    ]
    [refused] = found.refused
    assert (refused.line, refused.reason) == (
        3,
        "'Nowhere/Town' is not a time zone of the IANA list such as Europe/London",
    )
