"""`digest check` says what a source's `fetch_article` needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.flow import check
from tests.cli.conftest import Digest


@pytest.mark.parametrize(("installed", "named"), [(True, []), (False, ["sources.wire.fetch_article"])])
def test_check_names_the_extra_that_articles_need(
    inside: Digest, site: Path, monkeypatch: pytest.MonkeyPatch, installed: bool, named: list[str]
) -> None:
    monkeypatch.setattr(check, "can_read_articles", lambda: installed)
    text = (site / "settings.toml").read_text()
    (site / "settings.toml").write_text(text.replace('kind = "feed"', 'kind = "feed"\nfetch_article = true', 1))
    found = inside("check", "--json", site=site).document["faults"]
    about = [finding for finding in found if finding["key"].endswith("fetch_article")]
    assert [finding["key"] for finding in about] == named
    assert all("pip install 'digest-mailer[articles]'" in finding["message"] for finding in about)
