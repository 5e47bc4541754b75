"""A name server, and an rspamd that asks it, for all tests of a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proof.filters import Rspamd, needed, running_rspamd
from tests.proof.mails import zone
from tests.proof.nameserver import running_name_server


@pytest.fixture(scope="session")
def name_server() -> Iterator[int]:
    with running_name_server(zone()) as port:
        yield port


@pytest.fixture(scope="session")
def rspamd(name_server: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rspamd]:
    needed("rspamd")
    with running_rspamd(name_server, tmp_path_factory.mktemp("rspamd")) as running:
        yield running
