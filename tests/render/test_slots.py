"""Placeholders can be printed, and nothing else; for those of a subscriber's own values see test_personal_mail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from digest.errors import TemplateError
from digest.render.merge import Merge, Personal
from digest.render.slots import KINDS, Slot, SlotMisuse, choose_nonce
from tests.render.sample_issue import Renderer

InSite = Callable[..., Renderer]


@pytest.mark.parametrize(
    "use",
    [
        "{% if number %}x{% endif %}",
        "{{ number or 'x' }}",
        "{% if number == 1 %}x{% endif %}",
        "{% if 1 in number %}x{% endif %}",
        "{% if number < 2 %}x{% endif %}",
        "{% for digit in number %}x{% endfor %}",
        "{{ number | length }}",
        "{{ number | int }}",
        "{{ number | float }}",
        "{{ number | upper }}",
        "{{ number[:1] }}",
        "{{ number + 1 }}",
        "{{ '%s' % number }}",
        "{{ [number] | join(', ') | upper }}",
    ],
)
@pytest.mark.parametrize("part", ["digest_html", "digest_txt"])
def test_a_storys_number_in_a_condition_or_a_filter_is_refused(in_site: InSite, use: str, part: str) -> None:
    page = f"<!DOCTYPE html><html><body>\n<p>{{% story lead %}}{use}{{% endstory %}}</p></body></html>"
    with pytest.raises(TemplateError, match=r"subscriber"):
        in_site(**{part: page})()


def test_the_refusal_says_what_to_write_and_where(in_site: InSite) -> None:
    with pytest.raises(TemplateError) as caught:
        in_site(digest_txt="Hello\n\n{% if number %}x{% endif %}")()
    assert caught.value.line == 3
    assert caught.value.template.endswith("mail/digest.txt.j2")
    assert "number cannot be used in a condition" in caught.value.reason
    assert "{{ number }}" in caught.value.reason


def test_a_printed_slot_takes_its_value(in_site: InSite, reader: Personal) -> None:
    html = "<!DOCTYPE html><html><body>{% set who = subscriber.name %}<p title='{{ who }}'>{{ who }}</p></body></html>"
    filled, text = Merge(in_site(digest_html=html, digest_txt="Dear {{ subscriber.name }},")()).fill(reader)
    shown = "Kim O&#x27;Neil &amp; &lt;Sons&gt;"
    assert f'<p title="{shown}">{shown}</p>' in filled
    assert text == "Dear Kim O'Neil & <Sons>,\n"


def test_a_slot_in_the_subject_is_refused_because_the_subject_is_the_same_for_all(render: Renderer) -> None:
    newsletter = render.newsletter.model_copy(update={"subject": "Hello {{ subscriber.name }}"})
    with pytest.raises(TemplateError, match=r"newsletters\.defence-notes\.subject, line 1: 'subscriber' is undefined"):
        Renderer(newsletter=newsletter)()


def test_a_slot_where_it_cannot_be_escaped_is_refused(in_site: InSite) -> None:
    page = "<!DOCTYPE html><html><head>{}</head><body>{}</body></html>"
    for head, body in (
        ("<style data-premailer='ignore'>.a::after { content: '{}' }</style>", ""),
        ("", "<p style='color:{}'>x</p>"),
        ("", "<p onclick='{}'>x</p>"),
    ):
        name = "{{ subscriber.name }}"
        with pytest.raises(TemplateError, match="cannot be made safe"):
            in_site(digest_html=page.format(head.replace("{}", name), body.replace("{}", name)))()


def test_a_nonce_never_occurs_in_the_content() -> None:
    first = choose_nonce("a story")
    again = choose_nonce("a story")
    assert first == again
    for half in (first[:8], first[8:].upper()):
        content = f"a story that holds {half}"
        chosen = choose_nonce(content)
        assert chosen[:8] not in content.lower()
        assert chosen[8:] not in content.lower()


def test_every_kind_of_slot_is_a_field_of_personal() -> None:
    assert set(KINDS) <= set(Personal.__slots__)


def test_a_slot_refuses_to_become_a_text() -> None:
    slot = Slot("view_url", "0" * 16)
    for use in (str, bool, hash, len, iter, format):
        with pytest.raises(SlotMisuse):
            use(slot)
