"""The composition root: settings in, wired Newsroom out. The only place that chooses an implementation."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from digest import settings
from digest.clock import Clock, system_clock
from digest.errors import UsageError
from digest.flow.newsroom import Newsroom
from digest.gather.parsing import Parsers
from digest.store.engine import Store
from digest.tokens import Signer, load_keys

_SHIPPED = Path(__file__).parent / "sample"


def sample_site() -> Path:
    """The site that `init` copies: in the wheel, or, in a checkout, the repository's root."""
    return _SHIPPED if _SHIPPED.is_dir() else Path(__file__).parent.parent


def template_folders(root: Path) -> tuple[Path, ...]:
    """Where templates are looked up: the site's own first, so that an upgrade reaches those it has not changed."""
    return (root / "templates", sample_site() / "templates")


@contextlib.asynccontextmanager
async def open_newsroom(
    root: Path, actor: str = "cli", *, clock: Clock | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Newsroom]:
    """Open the site in `root`: settings read, secret and database there, schema up to date. Raises DigestError."""
    config = settings.load(root)
    keys = load_keys(config.path(config.site.secret_file))
    store = await Store.open(config.store.url, config.root)
    parsers = Parsers()
    try:
        yield Newsroom(
            settings=config,
            store=store,
            signer=Signer(keys),
            clock=clock or _clock(),
            templates=template_folders(config.root),
            actor=actor,
            tls=tls,
            parsers=parsers,
        )
    finally:
        await parsers.aclose()
        await store.close()


def _clock() -> Clock:
    try:
        return system_clock()
    except ValueError as error:
        raise UsageError(str(error)) from None
