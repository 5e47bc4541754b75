"""Signed mails in several languages, and the zone in which their sender stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import rsa

from digest.deliver.dkim import DkimSigner
from digest.deliver.dkim_key import record, txt_strings
from digest.render.merge import Personal
from digest.render.mime import Mails
from tests.proof.filters import HELO, SENDER_IP, received
from tests.render.sample_issue import Renderer, a_newsletter, an_issue, six_stories

SENT = datetime(2026, 11, 23, 7, 0, 5, tzinfo=UTC)
SENDER = "bounce+mfrggzdfmztwq2lk@example.org"
RECIPIENT = "reader@example.com"
KEY_NAME = "digest1._domainkey.example.org"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)

TOLD = {
    "en": (
        "Two yards bid for the new patrol ships",
        "The ministry wants the first one in the water within three years.",
    ),
    "de": ("Zwei Werften bieten für die neuen Patrouillenboote", "Das erste Schiff soll in drei Jahren schwimmen."),
    "ar": ("حوضان يتنافسان على سفن الدورية الجديدة", "تريد الوزارة أن تكون السفينة الأولى في الماء خلال ثلاث سنوات."),
    "ja": ("二つの造船所が新しい巡視船に入札", "省は三年以内に一隻目の進水を望んでいる。"),
    "emoji": ("⚓ Two yards bid for the new patrol ships 🚢", "The first one within three years 👩‍✈️🏳️‍🌈."),
}


HOSTILE = {
    "markup": (
        "</style><script>alert(1)</script>--><![endif]-->",
        '"><img src=x onerror=alert(1)> {{ 7 * 7 }} {% raw %}',
    ),
    "lines": (".\r\nSubject: x\r\n\r\nFrom me", "From here\n.\n..\n--=_0\n\u0092\u2028 =3D =\n" + "x" * 1200),
}
"""What a feed may say, and must not get away with."""


@dataclass(frozen=True)
class Sent:
    """A signed mail as our server hands it over, what it says, and as it stands in the mailbox."""

    content: bytes
    html: str
    text: str
    unsubscribe_url: str

    @property
    def received(self) -> bytes:
        return received(self.content, SENDER, RECIPIENT)


LAYOUTS = ("classic", "compact", "briefing")


def signed_mail(language: str, stories: int, layout: str = "classic", hostile: str = "") -> Sent:
    """An issue of so many stories in the language. hostile: one of HOSTILE, which every story says besides."""
    title, teaser = TOLD[language]
    if hostile:
        title, teaser = (f"{own} {bad}" for own, bad in zip(TOLD[language], HOSTILE[hostile], strict=True))
    like = six_stories()
    told = tuple(
        replace(
            like[number % 6], position=number, story_id=number, title=f"{title} ({number + 1})", teaser=teaser,
            link=f"https://news.example.org/notes/{number}", image=None,
        )
        for number in range(stories)
    )  # fmt: skip
    name = "Defence Notes" if language == "en" else title.splitlines()[0].partition(" ")[0]
    newsletter = a_newsletter(title=name, theme={"layout": layout})
    spoken = language if language in {"en", "de", "ar", "ja"} else "en"
    rendered = Renderer(newsletter=newsletter, language=spoken)(an_issue(told))
    base = "https://news.example.org"
    reader = Personal(RECIPIENT, "", frozenset(), f"{base}/unsubscribe/{'ab3' * 14}", f"{base}/view/v", f"{base}/p/p")
    mails = Mails(rendered, "7:defence-notes:digest:site1234abcd")
    made = mails.mail(reader, message_id="mfrggzdfmztwq2lkobqxezlb@example.org", date=SENT)
    signed = DkimSigner("example.org", "digest1", KEY).sign(made, SENT)
    return Sent(signed, *mails.merge_for(reader).fill(reader), reader.unsubscribe_url)


def zone() -> dict[tuple[str, str], str]:
    """What the sender publishes."""
    strings = " ".join(f'"{part}"' for part in txt_strings(record(KEY)))
    backwards = ".".join(reversed(SENDER_IP.split(".")))
    return {
        (f"{KEY_NAME}.", "TXT"): strings,
        ("example.org.", "TXT"): f'"v=spf1 ip4:{SENDER_IP} -all"',
        ("example.org.", "MX"): f"10 {HELO}.",
        ("example.org.", "A"): SENDER_IP,
        ("_dmarc.example.org.", "TXT"): '"v=DMARC1; p=reject; adkim=s; aspf=s"',
        (f"{HELO}.", "A"): SENDER_IP,
        (f"{backwards}.in-addr.arpa.", "PTR"): f"{HELO}.",
        ("news.example.org.", "A"): SENDER_IP,
    }
