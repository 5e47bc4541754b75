"""The bytes of one message: headers and parts, 7-bit and CRLF throughout, so that no relay has to touch them.

What does not live here: how a field is folded and encoded (headers), the parts' content (merge), signing and sending
(deliver).
"""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from digest.model.issue import RenderedIssue
from digest.model.subscriber import Mailbox
from digest.render import headers, quoted
from digest.render.merge import Merge, Personal
from digest.render.variants import VARIANTS

if TYPE_CHECKING:
    from digest.render.personal import Drawer


class Mails:
    """The mails of one issue, compiled: all but a subscriber's own values is ready bytes.

    feedback_id: the same for all recipients. May be shared between tasks.
    """

    def __init__(self, rendered: RenderedIssue, feedback_id: str) -> None:
        boundary = _boundary(rendered.nonce)
        self._head = _head(rendered)
        start = (
            b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            + headers.plain_field("Feedback-ID", feedback_id)
            + f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode()
        )
        # The last line break before a boundary belongs to it, not to the part.
        text, html = _part_head("text/plain", boundary), _part_head("text/html", boundary)
        frame = (start + text, b"\r\n" + html, f"\r\n--{boundary}--\r\n".encode())
        self._merge = Merge(rendered, frame)
        self._drawer = _drawer_of(rendered)
        self._merge_of = lru_cache(VARIANTS)(partial(Merge, frame=frame))

    def merge_for(self, personal: Personal) -> Merge:
        """The parts that hers are filled from: the same for all, unless the templates ask for a subscriber's values."""
        return self._merge if self._drawer is None else self._merge_of(self._drawer.issue_for(personal))

    def mail(self, personal: Personal, *, message_id: str, date: datetime, smtputf8: bool = False) -> bytes:
        """One subscriber's mail: CRLF, no line that begins with a dot, and ASCII but for an address with `smtputf8`.

        message_id: with or without angle brackets. date: of sending, aware. smtputf8: the server takes addresses with a
        non-ASCII local part; without it such an address raises AddressError. Raises ValueError for a naive date, no
        message id, or a URL too long for a line.
        """
        return b"".join(
            [
                self._head,
                headers.mailbox_field("To", Mailbox(personal.name, personal.email), smtputf8=smtputf8),
                _date_field(date),
                headers.message_id_field(message_id),
                headers.url_field("List-Unsubscribe", personal.unsubscribe_url),
                self.merge_for(personal).wire(personal),
            ]
        )


def _drawer_of(rendered: RenderedIssue) -> Drawer | None:
    """What draws the issue for each; None where all get the same."""
    if rendered.personal is None:
        return None
    # Imported here: only such an issue needs templates and the inliner in a process that sends.
    from digest.render.personal import drawer

    return drawer(rendered)


def _head(rendered: RenderedIssue) -> bytes:
    """The fields that are the same in every mail of an issue."""
    fields = [headers.mailbox_field("From", mailbox_of(rendered.from_))]
    if rendered.reply_to:
        fields.append(headers.mailbox_field("Reply-To", mailbox_of(rendered.reply_to)))
    fields += [
        headers.text_field("Subject", rendered.subject),
        headers.list_id_field(rendered.list_title, rendered.list_id),
        headers.url_field("List-Owner", f"mailto:{mailbox_of(rendered.reply_to or rendered.from_).email}"),
        _AUTOMATIC,
        b"Precedence: bulk\r\n",
        headers.plain_field("Content-Language", rendered.language),
    ]
    return b"".join(fields)


# Out-of-office answers go to a human's address, and nobody reads them there (RFC 3834 §5).
_AUTOMATIC = b"Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: OOF, AutoReply\r\n"


def mailbox_of(text: str) -> Mailbox:
    """The inverse of str(Mailbox): whatever stands in the name, it is the name."""
    name, bracket, rest = text.rpartition(" <")
    return Mailbox(name, rest.removesuffix(">")) if bracket and rest.endswith(">") else Mailbox("", text)


def _boundary(nonce: str) -> str:
    # "=_" cannot occur in quoted-printable (RFC 2045 §6.7).
    return f"=_{nonce}"


def _date_field(date: datetime) -> bytes:
    if date.tzinfo is None:
        raise ValueError("the date of a message needs its zone")
    return _date_line(date.replace(microsecond=0))


@lru_cache(maxsize=16)
def _date_line(second: datetime) -> bytes:
    return f"Date: {format_datetime(second)}\r\n".encode("ascii")


# For every script: markup is most of a mail, so that even a Japanese issue is smaller so than in base64, which costs points
# with spam filters besides.
_QUOTED = "Content-Transfer-Encoding: quoted-printable"


def _part_head(kind: str, boundary: str) -> bytes:
    return f"--{boundary}\r\nContent-Type: {kind}; charset=utf-8\r\n{_QUOTED}\r\n\r\n".encode("ascii")


def plain_message(
    *,
    sender: Mailbox,
    to: Mailbox,
    subject: str,
    text: str,
    message_id: str,
    date: datetime,
    reply_to: Mailbox | None = None,
    language: str | None = None,
    smtputf8: bool = False,
) -> bytes:
    """A mail that is no issue: a confirmation, a note to editors.

    text: plain, any line breaks. date: of sending, aware. Raises AddressError and ValueError as `Mails.mail` does.
    """
    fields = [
        headers.mailbox_field("From", sender),
        headers.mailbox_field("To", to, smtputf8=smtputf8),
        headers.mailbox_field("Reply-To", reply_to) if reply_to else b"",
        headers.text_field("Subject", subject),
        _date_field(date),
        headers.message_id_field(message_id),
        _AUTOMATIC,
        headers.plain_field("Content-Language", language) if language else b"",
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n",
        f"{_QUOTED}\r\n\r\n".encode("ascii"),
        quoted.encode("\n".join(text.splitlines()).rstrip() + "\n"),
    ]
    return b"".join(fields)
