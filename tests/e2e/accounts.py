"""Whether an issue that died on its way reached everybody once, but for those whom the ledger names."""

from __future__ import annotations

from collections import Counter

from tests.e2e.mailserver import MailServer
from tests.e2e.site import SiteFolder

READERS = 500


def accounted(site: SiteFolder, server: MailServer) -> None:
    """Everybody has it exactly once, but for deliveries that are named as uncertain: those at most once."""
    report = site.run("issues", "report", "1", "--json").document
    shown = site.run("issues", "show", "1", "--json").document["not_reached"]
    uncertain = {row["email"] for row in shown if row["outcome"] == "uncertain"}
    times = Counter(mail.recipient for mail in server.accepted)
    assert (report["state"], report["sent"] + report["uncertain"]) == ("sent", READERS)
    assert len(uncertain) == report["uncertain"]
    assert [email for email in site.readers if times[email] > 1] == []
    assert {email for email in site.readers if times[email] == 0} <= uncertain
