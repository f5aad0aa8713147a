"""What the routes refuse before they look closer: large bodies, other origins, odd shapes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from coldstart.errors import ColdstartError

MAX_BODY_BYTES = 1_000_000
MAX_EVENTS = 2_000  # events in one POST; the labeller sends at most 500
MAX_LEASES = 500  # images one person may hold by one request
MAX_DISPLAY_PIXELS = 1_600  # longest side of an image shown large
PARALLEL_DISPLAY_IMAGES = 4  # each decodes one original, which may be large

IMMUTABLE = "private, max-age=31536000, immutable"

_GUARD_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class RequestRefused(ColdstartError):
    """A request the routes do not serve, with the HTTP status that says so."""

    def __init__(self, status: int, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy)
        self.status = status


def guard_headers(cache: str) -> dict[str, str]:
    """The headers of every answer; ``cache`` is its Cache-Control."""
    return {**_GUARD_HEADERS, "Cache-Control": cache}


def check_origin(request: Request) -> None:
    """Refuse a request that another site's page has sent."""
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise RequestRefused(
            403, "This request comes from another site.", "Use the app's own page."
        )
    if origin is None or request.headers.get("sec-fetch-site") == "same-origin":
        return
    # Behind a proxy the host may be another; no other site's page can send these two headers.
    hosts = {request.headers.get("host"), request.headers.get("x-forwarded-host")}
    if urlsplit(origin).netloc not in hosts:
        raise RequestRefused(
            403, "This request comes from another site.", "Use the app's own page."
        )


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object in the body, never reading more than `MAX_BODY_BYTES`."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise RequestRefused(
                413, f"The request is larger than {MAX_BODY_BYTES:,} bytes.", "Send fewer events."
            )
        chunks.append(chunk)
    try:
        body = json.loads(b"".join(chunks))
    except (ValueError, RecursionError):
        raise RequestRefused(400, "The request is not JSON.") from None
    if not isinstance(body, dict):
        raise RequestRefused(400, "The request is not a JSON object.")
    return body
