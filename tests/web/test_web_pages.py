"""What every page has, and /view: this mail in the browser."""

from __future__ import annotations

import os
import re
import shutil

import httpx2
import pytest

from digest.errors import UsageError
from digest.tokens import Purpose
from digest.web.serving import bound
from tests.web.conftest import OTHER, Served


def check_headers(answer: httpx2.Response) -> None:
    """Nothing foreign in, nothing of the address out, nothing kept."""
    wanted = {
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex",
        "Cache-Control": "no-store",
        "Content-Type": "text/html; charset=utf-8",
    }
    assert {name: answer.headers.get(name) for name in wanted} == wanted
    assert "Set-Cookie" not in answer.headers
    assert "server" not in answer.headers


async def test_every_page_has_strict_headers_and_sets_no_cookie(served: Served) -> None:
    nonces = set()
    answers = [
        await served.client.get(served.link()),
        await served.client.post(served.link()),
        await served.client.get(served.link()),
        await served.client.post(served.link(), data={"action": "return"}),
        await served.client.get(served.link(subscriber=0)),
        await served.client.get("/unsubscribe/nonsense"),
        await served.client.get("/nowhere"),
        await served.client.put(served.link()),
        await served.client.get(served.view(issue=99)),
    ]
    for answer in answers:
        check_headers(answer)
        policy = re.fullmatch(
            r"default-src 'none'; style-src 'nonce-([\w-]{20,})'; form-action 'self'; base-uri 'none'",
            answer.headers["Content-Security-Policy"],
        )
        assert policy is not None
        assert re.findall(r'nonce="([^"]+)"', answer.text) == [policy[1]]
        nonces.add(policy[1])
    assert len(nonces) == len(answers)


async def test_a_page_refers_to_nothing_elsewhere(served: Served) -> None:
    text = (await served.client.get(served.link())).text
    assert re.findall(r"(?:src|href|action)=|<script|url\(|https?://", text) == []


async def test_a_broken_database_is_a_page_that_asks_to_come_again(served: Served) -> None:
    await break_database(served)
    answer = await served.client.post(served.link())
    check_headers(answer)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "<h1>That did not work</h1>" in answer.text
    assert "database" not in answer.text


async def break_database(served: Served) -> None:
    """The database's folder goes away under the running server."""
    await served.site.room.store.close()
    shutil.rmtree(served.site.room.settings.root / "var")


# -- this mail in the browser ------------------------------------------------------------------------------------------


async def test_the_mail_is_shown_as_its_reader_got_it(served: Served) -> None:
    answer = await served.client.get(served.view())
    check_headers(answer)
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; img-src http: https:; style-src 'unsafe-inline'; base-uri 'none'"
    )
    stories = [f"Story number {key} of the day" for key in "abcd"]
    assert [title for title in stories if title not in answer.text] == []
    site = served.site.room.settings.site.url
    assert f'href="{site}{served.link()}"' in answer.text
    assert served.token(2) not in answer.text


async def test_looking_at_the_mail_changes_nothing(served: Served) -> None:
    head = await served.client.head(served.view())
    assert (head.status_code, head.content) == (200, b"")
    assert (await served.left(), await served.site.deliveries(1)) == ((), ["pending", "pending"])


async def test_before_its_approval_there_is_no_mail_to_be_seen(served: Served) -> None:
    issue = await served.issue(OTHER, leaves=False)
    for subscriber in (0, 1):
        answer = await served.client.get(served.view(subscriber, issue))
        assert (answer.status_code, "its issue has not been sent" in answer.text) == (200, True)


async def test_the_sample_link_of_an_issue_that_was_sent_shows_it_to_nobody_in_particular(served: Served) -> None:
    answer = await served.client.get(served.view(0))
    assert ("Story number a of the day" in answer.text, served.token(1) in answer.text) == (True, False)


async def test_she_who_has_left_may_still_look(served: Served) -> None:
    await served.client.post(served.link())
    assert "Story number a of the day" in (await served.client.get(served.view())).text


async def test_a_token_for_another_purpose_shows_nothing(served: Served) -> None:
    others = [each for each in Purpose if each is not Purpose.VIEW]
    answers = [await served.client.get(f"/view/{served.token(purpose=each)}") for each in others]
    assert [answer.status_code for answer in answers] == [404] * len(others)


async def test_a_view_token_that_names_too_little_shows_nothing(served: Served) -> None:
    token = served.site.room.signer.sign(Purpose.VIEW, 1)
    assert (await served.client.get(f"/view/{token}")).status_code == 404


# -- the socket --------------------------------------------------------------------------------------------------------


def test_a_taken_port_is_refused_with_the_setting_to_change() -> None:
    with bound("127.0.0.1", 0, "web.port") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} on 127.0.0.1 cannot be used .*; change web.port"):
            bound("127.0.0.1", port, "web.port")


def test_an_address_of_version_6_can_be_listened_on() -> None:
    if not os.path.exists("/proc/net/if_inet6"):  # noqa: PTH110
        pytest.skip("this machine has no IPv6")
    with bound("::1", 0, "web.port") as listening:
        assert listening.getsockname()[0] == "::1"
