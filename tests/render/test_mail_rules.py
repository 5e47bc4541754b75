"""What other people's rules say of a mail: axe-core about those who cannot see it well, html-validate about its source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.node_packages import package, run
from tests.render.looks_issue import LANGUAGES, LAYOUTS, SHAPES, mail

NOT_FOR_MAILS = {
    "landmark-one-main": "webmails put a mail inside their own page, which has its one main part already",
    "region": "for the same reason: whatever is outside of a landmark here is inside of the webmail's",
}
"""Rules of axe-core that a mail breaks, and why."""

OLD_ON_PURPOSE = {
    "no-deprecated-attr": "align, valign, bgcolor and cellpadding are what Word, which draws mails in Outlook, reads",
}
"""Rules of html-validate that a mail breaks, and why."""

# -- axe-core ----------------------------------------------------------------------------------------------------------


def violations(page: Page) -> dict[str, list[str]]:
    """The rules that the page breaks, with the elements; the size of what fingers touch is a rule here too."""
    found = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}}).response
    assert len(found["passes"]) > 20
    return {each["id"]: [node["html"] for node in each["nodes"]] for each in found["violations"]}


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_axe_finds_nothing_but_what_no_mail_can_have(
    page: Page, layout: str, language: str, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 375, "height": 800})
    page.set_content(mail(layout, language))
    assert violations(page).keys() == NOT_FOR_MAILS.keys()


@pytest.mark.browser
def test_axe_notices_what_is_wrong(page: Page) -> None:
    faint = mail("classic").replace("color:#1b1a18", "color:#d0d0d0").replace(' alt="', ' data-alt="')
    page.set_content(faint.replace("<h2 ", "<h4 ").replace("</h2>", "</h4>"))
    assert {"color-contrast", "image-alt", "heading-order"} <= violations(page).keys()


# -- html-validate -----------------------------------------------------------------------------------------------------


def faults(folder: Path, pages: dict[str, str]) -> list[str]:
    """What html-validate has to say of the pages, which go through one process."""
    program = package("html-validate") / "bin/html-validate.mjs"
    rules = dict.fromkeys(OLD_ON_PURPOSE, "off")
    config = {"root": True, "extends": ["html-validate:standard", "html-validate:document"], "rules": rules}
    (folder / "config.json").write_text(json.dumps(config))
    for name, html in pages.items():
        (folder / f"{name}.html").write_text(html)
    names = [f"{name}.html" for name in pages]
    said = run(program, "--config", "config.json", "--formatter", "json", *names, folder=folder)
    found: list[dict[str, Any]] = json.loads(said)
    return [f"{Path(each['filePath']).name}:{fault['line']}: {fault['ruleId']}: {fault['message']}"
            for each in found for fault in each["messages"]]  # fmt: skip


@pytest.mark.slow
def test_html_validate_finds_nothing_but_what_word_needs(tmp_path: Path) -> None:
    pages = {
        f"{layout}-{language}-{shape}": mail(layout, language, shape)
        for layout in LAYOUTS for language in LANGUAGES for shape in SHAPES
    }  # fmt: skip
    pages["logo"] = mail(
        "classic", logo="https://images.example.org/logo.png", logo_dark="https://images.example.org/d.png"
    )
    assert faults(tmp_path, pages) == []


@pytest.mark.slow
def test_html_validate_notices_what_is_wrong(tmp_path: Path) -> None:
    wrong = mail("compact").replace("</h1>", "</h2>", 1)
    assert any("close-order" in each for each in faults(tmp_path, {"wrong": wrong}))
