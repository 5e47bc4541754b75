"""Where `digest dkim-key` keeps a key, and where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.deliver.dkim_key import read_key
from tests.cli.conftest import Digest


def test_a_new_site_has_its_own_place_for_keys(site: Path, inside: Digest) -> None:
    ran = inside("dkim-key", "--json", site=site)
    assert (ran.code, ran.document["file"]) == (0, str(site / "var/dkim/digest1.pem"))
    assert ran.document["name"] == "digest1._domainkey.example.org"
    assert (site / "var/dkim/digest1.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("keys/new.pem", "there is no folder {at}/keys: make it first, or name another file with --out"),
        ("there", "{at}/there is a folder: name a file in it with --out"),
        ("note.txt", "{at}/note.txt exists already and is left as it is; name another file with --out"),
        ("note.txt/new.pem", "the key cannot be written to {at}/note.txt/new.pem: Not a directory"),
    ],
)
def test_a_key_goes_into_a_new_file_of_a_folder_that_is_there(
    out: str, sentence: str, site: Path, tmp_path: Path, inside: Digest
) -> None:
    at = tmp_path / "elsewhere"
    (at / "there").mkdir(parents=True)
    (at / "note.txt").write_text("mine")
    before = sorted(at.rglob("*"))
    ran = inside("dkim-key", "--out", at / out, site=site)
    assert (ran.code, ran.sentence) == (2, sentence.format(at=at))
    assert (sorted(at.rglob("*")), (at / "note.txt").read_text()) == (before, "mine")
    good = inside("dkim-key", "--out", at / "there/new.pem", site=site)
    assert (good.code, read_key(at / "there/new.pem").key_size) == (0, 2048)
