"""Leaving by a link, as readers, mail providers and mail scanners follow it (RFC 8058)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from digest.tokens import Purpose
from tests.daemon.desk import NOTES
from tests.web.conftest import ANNA, BEN, OTHER, Served

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def said(answer: httpx2.Response) -> str:
    """The page's heading and its first sentence."""
    heading, sentence = re.findall(r"<h1>(.*?)</h1>|<p>(.*?)</p>", answer.text, re.S)[:2]
    return f"{heading[0]} {sentence[1]}"


def page(answer: httpx2.Response) -> str:
    """The page without what differs each time."""
    return re.sub(r'nonce="[^"]+"', "", answer.text)


# -- looking -----------------------------------------------------------------------------------------------------------


async def test_looking_changes_nothing_however_often(served: Served) -> None:
    for _ in range(3):
        seen = await served.client.get(served.link())
        head = await served.client.head(served.link())
        assert (seen.status_code, head.status_code, head.content) == (200, 200, b"")
    assert said(seen) == "Leave Defence Notes? One press of the button, and you will get no more issues of it."
    assert (await served.left(), await served.site.deliveries(1)) == ((), ["pending", "pending"])
    assert [action for action, _ in await served.site.happened(1)][-1] == "issue.sending"


async def test_looking_again_after_leaving_offers_the_way_back_and_changes_nothing(served: Served) -> None:
    await served.client.post(served.link())
    seen = await served.client.get(served.link())
    assert said(seen) == "You have left Defence Notes. You get no more issues of it."
    assert ('value="return"' in seen.text, 'value="leave"' in seen.text) == (True, False)
    assert await served.left() == (NOTES,)


# -- leaving -----------------------------------------------------------------------------------------------------------


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x=" + b"y" * 65_534


MULTIPART = "multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    "request_of_provider",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {},
        {"content": b"List-Unsubscribe=One-Click"},
        {"content": b"\xff\x00\xfe%%%&&==", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"content": b"\xff\x00\xfe", "headers": {"Content-Type": MULTIPART}},
        {"content": b"--b\r\nbroken", "headers": {"Content-Type": MULTIPART}},
        {"content": b"--b--", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"{}", "headers": {"Content-Type": "application/json"}},
        {"content": b"x", "headers": {"Content-Type": "text/plain; charset=nonsense"}},
        {"data": {f"field-{number}": "x" for number in range(500)}},
        {"files": {"file": ("virus.exe", b"MZ" * 1000)}},
        {"content": b"action=return&" + b"x" * 5_000_000, "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"content": chunks, "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"data": {"action": "leave"}},
        {"data": ONE_CLICK, "headers": {"Cookie": "session=x", "Origin": "https://mail.example.net"}},
    ],
    ids=[
        "form", "multipart", "no body", "no content type", "garbage", "multipart garbage", "multipart cut short",
        "multipart without boundary", "JSON", "odd charset", "too many fields", "a file", "huge", "huge in chunks",
        "button", "foreign cookie and origin",
    ],
)  # fmt: skip
async def test_a_post_leaves_whatever_it_carries_and_a_second_one_changes_nothing(
    served: Served, request_of_provider: dict[str, Any]
) -> None:
    for _ in range(2):
        sent = dict(request_of_provider)
        if sent.get("content") is chunks:
            sent["content"] = chunks(80)
        answer = await served.client.post(served.link(), **sent)
        assert (answer.status_code, answer.history) == (200, [])
        assert (
            said(answer) == "You have left Defence Notes. You will get no more issues of it, beginning with the next."
        )
    assert (await served.left(), await served.left(BEN)) == ((NOTES,), ())
    assert await served.site.deliveries(1) == ["skipped", "pending"]
    assert [action for action, _ in await served.site.happened(1)].count("subscriber.left") == 1


async def test_leaving_one_newsletter_leaves_the_other_alone(served: Served) -> None:
    issue = await served.issue(OTHER)
    await served.client.post(served.link(), data=ONE_CLICK)
    assert await served.left() == (NOTES,)
    assert await served.site.deliveries(issue) == ["pending", "pending"]
    assert (await served.person()).subscriptions[0].state == "confirmed"


async def test_a_newsletter_may_have_a_title_that_looks_like_markup(served: Served) -> None:
    issue = await served.issue(OTHER)
    assert said(await served.client.get(served.link(issue=issue))).startswith("Leave The Other &lt;Paper&gt;?")


async def test_whoever_left_by_mistake_can_come_back_from_the_same_page(served: Served) -> None:
    await served.client.post(served.link(), data=ONE_CLICK)
    for _ in range(2):
        back = await served.client.post(served.link(), data={"action": "return"})
        assert (back.status_code, said(back)) == (200, "Welcome back to Defence Notes. You will get the next issue.")
        assert await served.left() == ()
    again = await served.client.post(served.link(), data={"action": "leave"})
    assert (said(again)[:13], await served.left()) == ("You have left", (NOTES,))
    actions = [action for action, _ in await served.site.happened(1)][-3:]
    assert actions == ["subscriber.left", "subscriber.returned", "subscriber.left"]


# -- links that lead nowhere -------------------------------------------------------------------------------------------


def flipped(token: str) -> list[str]:
    """The token with each of its characters changed in turn, and cut, and lengthened."""
    changed = [token[:at] + ("2" if char != "2" else "3") + token[at + 1 :] for at, char in enumerate(token)]
    return [*changed, token[:-1], token[1:], token + "a", token * 9, "a", "%00", "é", "-" * 30]


async def test_a_damaged_token_gets_the_one_page_for_all_of_them_and_does_nothing(served: Served) -> None:
    pages = set()
    for token in flipped(served.token()):
        for method in ("GET", "POST"):
            answer = await served.client.request(method, f"/unsubscribe/{token}")
            assert answer.status_code == 404
            pages.add(page(answer))
    (only,) = pages
    assert "<h1>This link is not valid</h1>" in only
    assert (await served.left(), await served.left(BEN)) == ((), ())


async def test_an_address_that_was_cut_gets_that_page_too(served: Served) -> None:
    pages = set()
    for path in ("/unsubscribe/", "/unsubscribe/a/b", "/", "/desk", "/favicon.ico", "/view/", "/view/nonsense"):
        answer = await served.client.get(path)
        pages.add((path, answer.status_code, "<h1>This link is not valid</h1>" in answer.text))
    assert {each[1:] for each in pages} == {(404, True)}


async def test_other_methods_do_nothing(served: Served) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        answer = await served.client.request(method, served.link())
        assert (answer.status_code, "Allow" in answer.headers) == (405, True)
    assert await served.left() == ()


async def test_a_token_for_another_purpose_does_not_unsubscribe(served: Served) -> None:
    others = [each for each in Purpose if each is not Purpose.UNSUBSCRIBE]
    answers = [
        await served.client.post(f"/unsubscribe/{served.token(purpose=each)}", data=ONE_CLICK) for each in others
    ]
    assert ([answer.status_code for answer in answers], await served.left()) == ([404] * len(others), ())


async def test_a_token_that_names_something_else_does_not_unsubscribe(served: Served) -> None:
    for numbers in ((), (1,), (1, 1, 1)):
        token = served.site.room.signer.sign(Purpose.UNSUBSCRIBE, *numbers)
        assert (await served.client.post(f"/unsubscribe/{token}", data=ONE_CLICK)).status_code == 404
    assert await served.left() == ()


@pytest.mark.parametrize(
    ("subscriber", "issue"), [(0, 1), (0, 0), (1, 99), (99, 1)], ids=["test", "preview", "no issue", "forgotten"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_link_of_a_preview_or_test_says_there_is_nothing_to_do(
    served: Served, method: str, subscriber: int, issue: int
) -> None:
    answer = await served.client.request(method, served.link(subscriber, issue))
    assert (answer.status_code, said(answer)) == (
        200,
        "Nothing to do This link is from a preview or a test, or what it belongs to is gone. "
        "There is nothing to unsubscribe.",
    )
    assert (await served.left(), await served.left(BEN)) == ((), ())


async def test_a_link_read_out_in_capitals_is_the_same_link(served: Served) -> None:
    answer = await served.client.post(f"/unsubscribe/{served.token().upper()}")
    assert (answer.status_code, await served.left(ANNA)) == (200, (NOTES,))
