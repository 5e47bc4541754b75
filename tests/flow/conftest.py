"""The newsroom of the daemon's tests: a site, its clock, and the server of its source."""

from __future__ import annotations

from tests.daemon.conftest import OpenSite, make_site, web

__all__ = ["OpenSite", "make_site", "web"]
