"""`digest api-keys`: what is printed, where, once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Digest, write_site

KEY = re.compile(r"digest_[A-Za-z0-9_-]{43}")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = write_site(tmp_path / "site")
    settings = site / "settings.toml"
    settings.write_text(settings.read_text() + '[sources.cms]\nkind = "push"\n')
    return site


def test_a_key_is_printed_once_alone_on_standard_output(site: Path, digest: Digest) -> None:
    ran = digest("api-keys", "add", "website", "--source", "cms", site=site)
    assert (ran.code, ran.err) == (0, "The key is shown this once; who loses it makes another:\n")
    assert KEY.fullmatch(ran.out.strip())
    listed = digest("api-keys", "list", site=site)
    assert (listed.code, ran.out.strip() in listed.out, "website" in listed.out) == (0, False, True)
    for file in (site / "var").iterdir():
        assert file.is_dir() or ran.out.strip().encode() not in file.read_bytes()


def test_keys_are_reported_as_json(site: Path, inside: Digest) -> None:
    made = inside("api-keys", "add", "website", "--source", "cms", "--json", site=site).document
    assert (sorted(made), made["name"], made["source"]) == (["key", "name", "source"], "website", "cms")
    assert KEY.fullmatch(made["key"])
    (listed,) = inside("api-keys", "list", "--json", site=site).document
    assert sorted(listed) == ["created_at", "name", "source", "used_at"]
    assert (listed["name"], listed["source"], listed["used_at"]) == ("website", "cms", None)


def test_a_key_is_taken_back(site: Path, inside: Digest) -> None:
    inside("api-keys", "add", "website", "--source", "cms", site=site)
    ran = inside("api-keys", "remove", "website", site=site)
    assert (ran.code, ran.out) == (0, "The key website is taken back.\n")
    assert inside("api-keys", "list", "--json", site=site).document == []
    again = inside("api-keys", "remove", "website", site=site)
    assert (again.code, again.sentence) == (2, "there is no API key 'website'")


def test_what_cannot_be_is_told(site: Path, inside: Digest) -> None:
    unknown = inside("api-keys", "add", "website", "--source", "crm", site=site)
    assert (unknown.code, unknown.sentence) == (2, "there is no source 'crm'; those that take stories are: cms")
    fetched = inside("api-keys", "add", "website", "--source", "wire", site=site)
    assert (fetched.code, fetched.sentence.partition(" and ")[0]) == (2, "the source 'wire' is of kind \"feed\"")
    inside("api-keys", "add", "website", "--source", "cms", site=site)
    taken = inside("api-keys", "add", "website", "--source", "cms", site=site)
    assert (taken.code, taken.sentence.partition(";")[0]) == (1, "there is an API key 'website' already")
