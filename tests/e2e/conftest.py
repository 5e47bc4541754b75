"""Sites, mail servers and sources for tests that drive the whole program as a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.mailserver import MailServer, running_mail_server
from tests.e2e.site import SiteFolder, http_server

MakeSite = Callable[..., SiteFolder]


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with running_mail_server() as server:
        yield server


@pytest.fixture
def make_site(tmp_path: Path, mail_server: MailServer) -> Iterator[MakeSite]:
    """Makes a site whose mails go to `mail_server`."""
    with ExitStack() as stack:

        def make(**options: Any) -> SiteFolder:
            site = SiteFolder(tmp_path / "site", **({"smtp": mail_server.port} | options))
            site.serve(stack.enter_context(http_server(site.pages)))
            return site

        yield make


@pytest.fixture
def site(make_site: MakeSite) -> SiteFolder:
    """An ordinary site with three readers."""
    return make_site()
