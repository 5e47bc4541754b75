"""The pictures of the README: `python -m tests.render.readme` takes them again, after a change of the templates.

The stories are the demo's. Georgia, which most readers have and few build machines, is replaced by Gelasio, which has its
measures.
"""

from __future__ import annotations

import base64
import io
from datetime import timedelta
from pathlib import Path

from PIL import Image

from digest.demo.stories import TEASERS, WIRE
from digest.model.issue import IssueStory
from digest.render.merge import Merge
from tests.node_packages import package
from tests.render.chromium import driver, running_chromium, with_pictures
from tests.render.looks_issue import READER
from tests.render.sample_issue import SLOT, Renderer, a_newsletter, an_issue

FOLDER = Path(__file__).parents[2] / "docs/pictures"
WINDOW = (664, 980)
COLOURS = 128
ACCENTS = {"classic": "#8c1d18", "compact": "#0b5c8a", "briefing": "#1d6b4f"}


def stories() -> tuple[IssueStory, ...]:
    """The demo's section, then its wire."""
    told = [*(("Defence Notes", each) for each in TEASERS), *(("Defence Wire", each) for each in WIRE)]
    return tuple(
        IssueStory(
            story_id=at, position=at, source=source, link=f"https://news.example.com{each.path}", link_key=each.path,
            guid=None, title=each.title, title_key=each.title, teaser=each.teaser, published=SLOT - timedelta(hours=at),
            topics=(), image=f"https://news.example.com/{each.picture}.png" if each.picture else None,
        )
        for at, (source, each) in enumerate(told)
    )  # fmt: skip


def georgia() -> str:
    """A style block in which Georgia is Gelasio."""
    files = package("@fontsource/gelasio") / "files"
    faces = (
        f"@font-face {{ font-family: Georgia; font-weight: {weight}; src: url(data:font/woff2;base64,"
        f"{base64.b64encode((files / f'gelasio-latin-{weight}-normal.woff2').read_bytes()).decode()}) }}"
        for weight in (400, 700)
    )
    return f"<style>{' '.join(faces)}</style></head>"


def main() -> None:
    """Take all six."""
    with driver() as playwright, running_chromium(playwright) as browser:
        page = browser.new_page(viewport={"width": WINDOW[0], "height": WINDOW[1]})
        with_pictures(page)
        for layout, accent in ACCENTS.items():
            newsletter = a_newsletter(theme={"layout": layout, "accent": accent})
            html, _ = Merge(Renderer(newsletter=newsletter)(an_issue(stories()))).fill(READER)
            page.set_content(html.replace("</head>", georgia()))
            page.evaluate("document.fonts.ready.then(() => null)")
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                taken.quantize(COLOURS).save(FOLDER / f"{layout}-{scheme}.png", optimize=True)


if __name__ == "__main__":
    main()
