"""/healthz: whether process, database and timetable live, and what ails the sources."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from digest.errors import StoreError
from digest.flow import report, source_health
from digest.flow.newsroom import Newsroom

Pulse = Callable[[], datetime | None]
"""When the timetable last looked; None before its first look."""

Senders = Callable[[], list[dict[str, Any]]]
"""How each sending process fares; `process` is None while it is not there."""

STILL_ALIVE = timedelta(seconds=60)


def no_senders() -> list[dict[str, Any]]:
    """Nobody sends here."""
    return []


def routes(room: Newsroom, pulse: Pulse, senders: Senders = no_senders) -> APIRouter:
    """The routes for machines that watch us."""
    router = APIRouter()

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz(request: Request) -> JSONResponse:
        found = await _examine(room, pulse) | {"workers": senders()}
        missing = [each for each in found["workers"] if each["process"] is None]
        ailing = found["sources_failed"] or found["issues_held"] or missing
        alive = found["database"] == "ok" and found["timetable"] == "ok"
        ready = alive and not ailing
        status = 200 if (ready if "ready" in request.query_params else alive) else 503
        return JSONResponse({"status": "ok" if ready else "ailing" if alive else "down", **found}, status)

    return router


async def _examine(room: Newsroom, pulse: Pulse) -> dict[str, Any]:
    looked = pulse()
    ticking = looked is not None and room.clock.now() - looked < STILL_ALIVE
    found: dict[str, Any] = {"database": "ok", "timetable": "ok" if ticking else "not running"}
    try:
        sources = await source_health.health(room)
        held = await report.held(room)
    except StoreError as error:
        return found | {"database": str(error), "sources_failed": [], "issues_held": []}
    return found | {
        "sources_failed": [
            {"name": each["name"], "error": each["error"]} for each in sources if each["status"] in source_health.BAD
        ],
        "issues_held": [{"issue": each.id, "newsletter": each.newsletter, "reason": each.reason} for each in held],
    }
