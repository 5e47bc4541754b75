"""An editor stops what workers are sending: it acts at once, and says exactly how many have left."""

from __future__ import annotations

import re
import time

import pytest

from tests.e2e.conftest import MakeSite
from tests.e2e.mailserver import MailServer
from tests.e2e.site import SiteFolder, eventually
from tests.e2e.test_daemon import AFTER_SLOT, BEFORE_SLOT, state

READERS = 300


@pytest.fixture
def busy_site(make_site: MakeSite, mail_server: MailServer) -> SiteFolder:
    mail_server.pause_s = 0.1
    site = make_site(readers=READERS, connections=4)
    site.environment["DIGEST_DELIVERY__WORKERS"] = "2"
    return site


@pytest.mark.parametrize(("act", "named"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_stop_acts_at_once_and_names_how_many_had_left(
    busy_site: SiteFolder, mail_server: MailServer, act: str, named: str
) -> None:
    with busy_site.daemon(now=BEFORE_SLOT):
        eventually(lambda: len(mail_server.accepted) >= 20, 40)
        said = busy_site.run("issues", act, "1").out
        left = len(mail_server.accepted)
        time.sleep(1)  # noqa: TID251 - if anything came after, it would come now
        assert len(mail_server.accepted) == left
        found = re.search(r"Issue 1 is (\w+)\b.* (\d+) had left, (\d+) have not", said)
        assert found is not None, said
        assert found.groups() == (named, str(left), str(READERS - left))
        if act == "pause":
            mail_server.pause_s = 0
            assert busy_site.run("issues", "resume", "1", now=AFTER_SLOT).code == 0
            eventually(lambda: state(busy_site) == "sent", 40)
            assert mail_server.recipients == sorted(busy_site.readers)


def test_the_grace_period_takes_everything_back(busy_site: SiteFolder, mail_server: MailServer) -> None:
    busy_site.environment["DIGEST_DELIVERY__GRACE"] = "10m"
    with busy_site.daemon(now=BEFORE_SLOT):
        eventually(lambda: state(busy_site) == "approved", 40)
        assert busy_site.run("issues", "hold", "1").code == 0
    assert (state(busy_site), mail_server.accepted) == ("held", [])
