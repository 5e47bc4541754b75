"""An issue's mail for one subscriber: her links, her return path, the bytes. Also test mails and previews.

    snapshot (once per issue) + Delivery -> Personal -> message bytes

What is not here: sending (send), drawing the snapshot (publish.render).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from digest.deliver.envelope import Envelope
from digest.flow.membership import pair
from digest.flow.newsroom import Newsroom
from digest.model.issue import Issue, RenderedIssue
from digest.model.subscriber import Subscriber, SubscriptionState, domain_of, followed, normalize_email
from digest.render.merge import Merge, Personal
from digest.render.mime import Mails, mailbox_of
from digest.store import issues, messages, subscribers
from digest.tokens import Purpose

NOBODY = 0
"""The subscriber in the tokens of a preview or test: they show what a link looks like and do nothing."""


class Mailing:
    """The mails of one issue."""

    def __init__(self, room: Newsroom, issue_id: int, rendered: RenderedIssue) -> None:
        self._room = room
        self._issue_id = issue_id
        self._sender = mailbox_of(rendered.from_).email
        self._return_path = room.settings.smtp.return_path or self._sender
        self._base = room.settings.site.url.rstrip("/")
        self._mails = Mails(rendered, self._feedback_id(rendered.newsletter))

    def merge_for(self, personal: Personal) -> Merge:
        """The parts that hers are filled from."""
        return self._mails.merge_for(personal)

    def personal(self, subscriber_id: int, email: str, name: str, topics: frozenset[str]) -> Personal:
        """What fills the placeholders for one subscriber."""
        unsubscribe = self._link("unsubscribe", Purpose.UNSUBSCRIBE, subscriber_id)
        return Personal(
            email=email,
            name=name,
            topics=topics,
            unsubscribe_url=unsubscribe,
            view_url=self._link("view", Purpose.VIEW, subscriber_id),
            preferences_url=unsubscribe,
        )

    def _link(self, page: str, purpose: Purpose, subscriber_id: int) -> str:
        return f"{self._base}/{page}/{self._room.signer.sign(purpose, self._issue_id, subscriber_id)}"

    def message_id(self, subscriber_id: int) -> str:
        """The same for every try of a delivery, so that a doubled mail can be recognised."""
        token = self._room.signer.sign(Purpose.MESSAGE_ID, self._issue_id, subscriber_id)
        return f"{token}@{domain_of(self._sender)}"

    def envelope(self, subscriber_id: int, email: str) -> Envelope:
        """Who is told about a mail that cannot be delivered: an address that names the delivery (VERP)."""
        local, _, domain = self._return_path.rpartition("@")
        token = self._room.signer.sign(Purpose.RETURN_PATH, self._issue_id, subscriber_id)
        return Envelope(f"{local}+{token}@{domain}", email, envid=f"{self._issue_id}.{subscriber_id}")

    def message(self, personal: Personal, message_id: str, date: datetime) -> bytes:
        """The bytes of her mail, signed if we sign."""
        utf8 = not personal.email.isascii()
        return self._room.signed(self._mails.mail(personal, message_id=message_id, date=date, smtputf8=utf8))

    def _feedback_id(self, newsletter: str) -> str:
        """Four fields, none of them personal: issue, newsletter, kind, sender (5 to 15 characters, for the whole site)."""
        site = hashlib.sha256(self._room.settings.site.url.encode()).hexdigest()[:8]
        return f"{self._issue_id}:{newsletter}:digest:site{site}"


@dataclass(frozen=True, slots=True)
class Sample:
    """A mail with links that do nothing: its two parts as a reader gets them, and the bytes."""

    html: str
    text: str
    message: bytes


def sample(
    room: Newsroom,
    issue: Issue,
    rendered: RenderedIssue,
    email: str,
    name: str = "",
    topics: frozenset[str] = frozenset(),
) -> Sample:
    """The mail as `email` would get it, but for links that do nothing."""
    mailing = Mailing(room, issue.id, rendered)
    personal = mailing.personal(NOBODY, email, name, topics)
    html, text = mailing.merge_for(personal).fill(personal)
    return Sample(html, text, mailing.message(personal, mailing.message_id(NOBODY), room.clock.now()))


async def queue_tests(room: Newsroom, issue: Issue, rendered: RenderedIssue, addresses: list[str]) -> list[int]:
    """Queue the issue for these addresses only, its subject marked; nothing is remembered. The messages' numbers."""
    marked = replace(rendered, subject=f"[TEST] {rendered.subject}")
    sender = mailbox_of(rendered.from_).email
    now = room.clock.now()
    async with room.store.write() as conn:
        return [
            await messages.add(
                conn, messages.Kind.TEST, sender, address, sample(room, issue, marked, address).message, now
            )
            for address in map(normalize_email, addresses)
        ]


async def in_browser(room: Newsroom, token: str) -> str | None:
    """The mail that a view link names, with the stories that were too many for it; None when its issue was never frozen.

    Raises TokenError.
    """
    issue_id, subscriber_id = pair(room.signer.verify(Purpose.VIEW, token))
    async with room.store.read() as conn:
        rendered = await issues.snapshot(conn, issue_id)
        subscriber = await subscribers.by_id(conn, subscriber_id)
    if rendered is None:
        return None
    mailing = Mailing(room, issue_id, rendered)
    name, email = (subscriber.name, subscriber.email) if subscriber else ("", "")
    lists = (
        room.settings.newsletters[rendered.newsletter].lists if rendered.newsletter in room.settings.newsletters else ()
    )
    personal = mailing.personal(subscriber_id, email, name, topics_of(subscriber, lists))
    return mailing.merge_for(personal).fill_web(personal)


def topics_of(subscriber: Subscriber | None, lists: Collection[str]) -> frozenset[str]:
    """What she follows on these lists, empty for everything; only where she is confirmed does her choice count."""
    confirmed = SubscriptionState.CONFIRMED
    mine = subscriber.subscriptions if subscriber else ()
    return followed(each.topics for each in mine if each.list in lists and each.state is confirmed)
