"""Real spam filters and real verifiers on whole mails, offline: the signature holds, DMARC passes, nobody suspects spam.

The scores are a gate against doing worse, no forecast of inboxes: the rules are Debian's, without the network.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.deliver.dkim_key import record
from tests.proof.filters import Rspamd, needed, opendkim, spamassassin
from tests.proof.mails import KEY, KEY_NAME, LAYOUTS, RECIPIENT, SENDER, TOLD, signed_mail

pytestmark = pytest.mark.timeout(180)

SAMPLE = [("en", 1, "briefing"), ("ar", 6, "classic"), ("ja", 30, "compact")]
MATRIX = [
    *((language, 6, "classic") for language in TOLD),
    *(("en", stories, layout) for stories in (1, 30) for layout in LAYOUTS),
]
MAILS = [*SAMPLE, *(pytest.param(*each, marks=pytest.mark.proof) for each in MATRIX)]


@pytest.mark.parametrize(("language", "stories", "layout"), MAILS)
def test_rspamd_lets_it_in(rspamd: Rspamd, language: str, stories: int, layout: str) -> None:
    verdict = rspamd.check(signed_mail(language, stories, layout).content, SENDER, RECIPIENT)
    assert verdict.score <= 0, verdict
    assert {"R_DKIM_ALLOW", "R_SPF_ALLOW", "DMARC_POLICY_ALLOW", "MAILLIST"} <= set(verdict.symbols)


def test_rspamd_notices_a_broken_signature(rspamd: Rspamd) -> None:
    broken = signed_mail("en", 1).content.replace(b"Subject: ", b"Subject: x", 1)
    verdict = rspamd.check(broken, SENDER, RECIPIENT)
    assert "R_DKIM_REJECT" in verdict.symbols


@pytest.mark.parametrize(("language", "stories", "layout"), MAILS)
def test_spamassassin_lets_it_in(name_server: int, tmp_path: Path, language: str, stories: int, layout: str) -> None:
    needed("spamassassin")
    verdict = spamassassin(signed_mail(language, stories, layout).received, name_server, tmp_path / "sa")
    assert verdict.score <= 0, verdict
    assert {"DKIM_VALID", "DKIM_VALID_AU", "SPF_PASS"} <= set(verdict.symbols)
    # A poor text part, a short Message-ID, too much padding after the preheader, lines too long.
    assert not {"MPART_ALT_DIFF", "MSGID_SHORT", "LONG_INVISIBLE_TEXT", "MIME_QP_LONG_LINE"} & set(verdict.symbols)


def test_opendkim_verifies_the_signature(tmp_path: Path) -> None:
    needed("opendkim")
    mail = signed_mail("de", 6).content
    assert "dkim=pass (2048-bit key) header.d=example.org" in opendkim(mail, KEY_NAME, record(KEY), tmp_path)
    forged = mail.replace(b"List-Unsubscribe: <https", b"List-Unsubscribe: <http")
    assert "dkim=pass" not in opendkim(forged, KEY_NAME, record(KEY), tmp_path)
