"""The daemon's site serves the use cases too."""

from tests.daemon.conftest import make_site, web

__all__ = ["make_site", "web"]
