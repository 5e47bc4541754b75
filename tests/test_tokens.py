"""Tokens: what was signed verifies, and nothing else does; the file of keys is made once."""

from __future__ import annotations

import secrets
import stat
import string
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import StoreError, TokenError
from digest.tokens import Purpose, Signer, load_keys

KEY, OLD, STRANGE = b"k" * 32, b"o" * 32, b"s" * 32
SIGNER = Signer([KEY])

purposes = st.sampled_from(Purpose)
rows = st.lists(st.integers(0, 2**63), max_size=4).map(tuple)


@settings(deadline=None, max_examples=60)
@given(purposes, rows)
def test_a_token_names_the_numbers_it_was_made_for(purpose: Purpose, numbers: tuple[int, ...]) -> None:
    token = SIGNER.sign(purpose, *numbers)
    assert SIGNER.verify(purpose, token) == numbers
    assert SIGNER.sign(purpose, *numbers) == token
    assert set(token) <= set(string.ascii_lowercase + string.digits)


@settings(deadline=None, max_examples=40)
@given(purposes, rows, rows)
def test_different_numbers_have_different_tokens(
    purpose: Purpose, one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    assert (SIGNER.sign(purpose, *one) == SIGNER.sign(purpose, *other)) == (one == other)


def test_every_change_of_one_character_is_refused() -> None:
    token = SIGNER.sign(Purpose.UNSUBSCRIBE, 12, 3456)
    letters = string.ascii_lowercase + string.digits + "=-_ "
    changed = {
        token[:at] + letter + token[at + 1 :] for at in range(len(token)) for letter in letters if letter != token[at]
    }
    changed |= {token[:at] + token[at + 1 :] for at in range(len(token))}
    changed |= {token[:at] + letter + token[at:] for at in range(len(token) + 1) for letter in letters}
    for forged in changed:
        with pytest.raises(TokenError):
            SIGNER.verify(Purpose.UNSUBSCRIBE, forged)


def test_a_mail_server_may_fold_the_case() -> None:
    token = SIGNER.sign(Purpose.RETURN_PATH, 7, 8)
    assert SIGNER.verify(Purpose.RETURN_PATH, token.upper()) == (7, 8)


@pytest.mark.parametrize("made_for", Purpose)
def test_a_token_holds_for_its_purpose_alone(made_for: Purpose) -> None:
    token = SIGNER.sign(made_for, 1, 2)
    assert [purpose for purpose in Purpose if _holds(SIGNER, purpose, token)] == [made_for]


def _holds(signer: Signer, purpose: Purpose, token: str) -> bool:
    try:
        signer.verify(purpose, token)
    except TokenError:
        return False
    return True


def test_a_token_of_another_site_is_refused() -> None:
    assert not _holds(SIGNER, Purpose.VIEW, Signer([STRANGE]).sign(Purpose.VIEW, 1))


def test_links_survive_a_change_of_keys() -> None:
    before, after = Signer([OLD]), Signer([KEY, OLD])
    assert after.verify(Purpose.VIEW, before.sign(Purpose.VIEW, 5)) == (5,)
    assert after.sign(Purpose.VIEW, 5) == SIGNER.sign(Purpose.VIEW, 5)
    assert not _holds(before, Purpose.VIEW, after.sign(Purpose.VIEW, 5))


@pytest.mark.parametrize(
    "garbage",
    [
        "", " ", "a", "=" * 8, "a" * 19, "a" * 20, "0" * 24, "1" * 32, "ı" * 24, "ﬀ" * 24, "\0" * 24, "\ud800" * 24,
        "😀", "a" * 120, "a" * 121, "a" * 10_000_000, "../../etc/passwd", "٣" * 24,
    ],
    ids=lambda garbage: f"{garbage[:6]!a}x{len(garbage)}",
)  # fmt: skip
def test_garbage_is_refused_as_a_token(garbage: str) -> None:
    with pytest.raises(TokenError, match="this link is not valid"):
        SIGNER.verify(Purpose.UNSUBSCRIBE, garbage)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=60) | st.text("abcdefghijklmnopqrstuvwxyz234567", max_size=60))
def test_whatever_the_text_is_it_is_refused_and_nothing_else_is_raised(text: str) -> None:
    assert not _holds(SIGNER, Purpose.VIEW, text)


def test_a_token_fits_into_a_return_path() -> None:
    for purpose in Purpose:
        assert len(SIGNER.sign(purpose, 10**7, 10**9)) <= 40


def test_a_row_has_no_number_below_zero() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        SIGNER.sign(Purpose.VIEW, -1)


# -- keys --------------------------------------------------------------------------------------------------------------


def test_the_file_of_keys_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "var" / "secret"
    keys = load_keys(file)
    assert [len(key) for key in keys] == [32]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_keys(file) == keys
    assert list(file.parent.iterdir()) == [file]
    assert load_keys(tmp_path / "another") != keys


def test_eight_threads_that_start_at_once_get_the_same_keys(tmp_path: Path) -> None:
    for turn in range(10):
        file, together = tmp_path / f"{turn}" / "secret", threading.Barrier(8)

        def load(file: Path = file, together: threading.Barrier = together) -> list[bytes]:
            together.wait()
            return load_keys(file)

        with ThreadPoolExecutor(8) as threads:
            loaded = [future.result() for future in [threads.submit(load) for _ in range(8)]]
        assert loaded == [load_keys(file)] * 8
        assert list(file.parent.iterdir()) == [file]


def test_several_processes_that_start_at_once_get_the_same_keys(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from digest.tokens import load_keys\n"
        "sys.stdin.readline(); print(load_keys(Path(sys.argv[1]))[0].hex())"
    )
    file, pipe = tmp_path / "var" / "secret", subprocess.PIPE
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(file)], stdin=pipe, stdout=pipe, text=True)
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("now\n")
        process.stdin.flush()
    assert {process.communicate(timeout=30)[0].strip() for process in started} == {load_keys(file)[0].hex()}


def test_the_newest_key_stands_first(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{KEY.hex()}\n\n  {OLD.hex()}  \n")
    assert load_keys(file) == [KEY, OLD]


@pytest.mark.parametrize(
    "content",
    [b"", b"\n \n", b"not hexadecimal", b"abcd", KEY.hex().encode() + b"\nabcd\n", b"\xff\xfe" * 40, b"\0" * 64],
)
def test_a_damaged_file_of_keys_is_told_plainly_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"^the secret in .*/secret (is damaged|cannot be read or made): "):
        load_keys(file)
    assert file.read_bytes() == content


def test_a_file_that_cannot_be_made_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file" / "secret", tmp_path):
        with pytest.raises(StoreError, match="cannot be read or made"):
            load_keys(place)


def test_keys_are_not_guessable() -> None:
    assert not _holds(SIGNER, Purpose.VIEW, Signer([secrets.token_bytes(32)]).sign(Purpose.VIEW, 1))
