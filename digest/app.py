"""The composition root: settings in, wired Newsroom out. The only place that chooses an implementation."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from digest import settings
from digest.clock import Clock, system_clock
from digest.errors import Fault, SettingsError, UsageError
from digest.flow.newsroom import Newsroom, Outside
from digest.flow.putting_back import hold_if_put_back
from digest.settings import Settings
from digest.store.engine import Store
from digest.tokens import Signer, load_keys

if TYPE_CHECKING:
    from digest.deliver.dkim import DkimSigner

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
    dkim = dkim_signer(config)
    keys = load_keys(config.path(config.site.secret_file))
    store = await Store.open(config.store.url, config.root)
    outside = Outside()
    try:
        room = Newsroom(
            settings=config,
            store=store,
            signer=Signer(keys),
            clock=clock or _clock(),
            templates=template_folders(config.root),
            actor=actor,
            tls=tls,
            dkim=dkim,
            outside=outside,
        )
        await hold_if_put_back(room)
        yield room
    finally:
        await outside.aclose()
        await store.close()


def dkim_signer(config: Settings) -> DkimSigner | None:
    """Who signs our mails, its key read; None when the settings name none. Raises SettingsError for a faulty key."""
    if (dkim := config.smtp.dkim) is None:
        return None
    from digest.deliver.dkim import DkimSigner
    from digest.deliver.dkim_key import read_key

    try:
        return DkimSigner(dkim.domain, dkim.selector, read_key(config.path(dkim.key_file)))
    except UsageError as error:
        fault = Fault("smtp.dkim.key_file", str(dkim.key_file), str(error))
        raise SettingsError(str(config.root / "settings.toml"), [fault]) from None


def _clock() -> Clock:
    try:
        return system_clock()
    except ValueError as error:
        raise UsageError(str(error)) from None
