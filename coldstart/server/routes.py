"""The routes of the labeller: labels and classes in, thumbnails and images out.

    POST {base}/api/labels                                   {"events": […]} -> after the commit
    POST {base}/api/leases                                   {"count": 60} -> ids; 0 returns all,
                                                             or those of "images"
    GET  {base}/api/export?format=csv                        -> the manifest
    POST {base}/api/classes                                  {"name": …} -> the class
    POST {base}/api/history                                  what the annotator can undo and redo
    POST {base}/api/suggestions                              what these images may be
    POST {base}/api/why                                      the images that one stands for
    GET  {base}/thumbnails/<image key>/<content hash>.jpg
    GET  {base}/images/<image key>/<image id>/<content hash>.jpg

Each names its person and project by a signed text that runs out: the token in the header
``Authorization: Bearer …``, the image key in the URL.

Mount them beside the pages: ``st.App("entry.py", routes=labeller_routes(gate, base))``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import TypeGuard, TypeVar

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from coldstart.errors import ColdstartError
from coldstart.labels.roles import ROUTES
from coldstart.server.gate import Allows, LabelGate
from coldstart.server.limits import (
    IMMUTABLE,
    MAX_DISPLAY_PIXELS,
    MAX_EVENTS,
    MAX_LEASES,
    PARALLEL_DISPLAY_IMAGES,
    RequestRefused,
    check_origin,
    guard_headers,
    read_json,
)
from coldstart.server.messages import RefusedEvent, read_events
from coldstart.server.tokens import Claims, TokenRefused, read_image_key, read_token

_CONTENT_HASH = re.compile(r"[0-9a-f]{16,128}")
_IMAGE_ID = re.compile(r"[0-9]{1,18}")
_Handler = Callable[[Request], Awaitable[Response]]
_T = TypeVar("_T")
STEPS_AT_ONCE = 60


def labeller_routes(gate: LabelGate, base: str = "") -> list[Route]:
    """The routes over ``gate``; ``base`` is Streamlit's `server.baseUrlPath`."""
    endpoints = _Endpoints(gate)
    prefix = _prefix(base)
    return [
        Route(f"{prefix}/api/labels", _guarded(endpoints.labels), methods=["POST"]),
        Route(f"{prefix}/api/leases", _guarded(endpoints.leases), methods=["POST"]),
        Route(f"{prefix}/api/export", _guarded(endpoints.export)),
        Route(f"{prefix}/api/classes", _guarded(endpoints.classes), methods=["POST"]),
        Route(f"{prefix}/api/history", _guarded(endpoints.history), methods=["POST"]),
        Route(f"{prefix}/api/suggestions", _guarded(endpoints.suggestions), methods=["POST"]),
        Route(f"{prefix}/api/why", _guarded(endpoints.why), methods=["POST"]),
        Route(f"{prefix}/thumbnails/{{key}}/{{hash}}.jpg", _guarded(endpoints.thumbnail)),
        Route(f"{prefix}/images/{{key}}/{{image_id}}/{{hash}}.jpg", _guarded(endpoints.image)),
    ]


def route_urls(key: str, base: str = "") -> dict[str, str]:
    """Where the labeller finds the routes; ``key`` is `tokens.image_key`."""
    prefix = _prefix(base)
    return {
        "labels": f"{prefix}/api/labels",
        "classes": f"{prefix}/api/classes",
        "leases": f"{prefix}/api/leases",
        "export": f"{prefix}/api/export",
        "history": f"{prefix}/api/history",
        "suggestions": f"{prefix}/api/suggestions",
        "why": f"{prefix}/api/why",
        "thumbnails": f"{prefix}/thumbnails/{key}",
        "images": f"{prefix}/images/{key}",
        "maps": f"{prefix}/maps/{key}",
    }


class _Endpoints:
    def __init__(self, gate: LabelGate) -> None:
        self._gate = gate
        self._limiter: anyio.CapacityLimiter | None = None

    async def labels(self, request: Request) -> Response:
        claims = _claims(request)
        events, comments, malformed = read_events(await read_json(request))
        await self._allow(claims, "labels")
        stored = await _in_thread(
            lambda: self._gate.append_events(claims.directory, events, claims.annotator)
        )
        accepted = list(stored.accepted)
        refused: list[RefusedEvent] = [*malformed, *stored.refused]
        if comments:
            not_kept = await _in_thread(
                lambda: self._gate.append_comments(claims.directory, comments, claims.annotator)
            )
            refused += not_kept
            gone = {one.uuid for one in not_kept}
            accepted += [one.uuid for one in comments if one.uuid not in gone]
        return _json(
            {
                "accepted": accepted,
                "standing": [{"id": i, "state": s} for i, s in stored.standing.items()],
                "refused": [asdict(event) for event in refused],
                "batch_left": stored.batch_left,
            }
        )

    async def leases(self, request: Request) -> Response:
        claims = _claims(request)
        body = await read_json(request)
        count, named = body.get("count"), body.get("images")
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_LEASES:
            raise RequestRefused(400, f"The count is no number from 0 to {MAX_LEASES}.")
        if named is not None and not _are_ids(named):
            raise RequestRefused(400, "The images are no list of numbers.")
        await self._allow(claims, "leases")
        where, who = claims.directory, claims.annotator
        if count == 0:
            returned = await _in_thread(lambda: self._gate.give_back(where, who, named))
            return _json({"returned": returned})
        images = await _in_thread(lambda: self._gate.lease(where, who, count))
        return _json({"images": list(images)})

    async def export(self, request: Request) -> Response:
        claims = _claims(request)
        await self._allow(claims, "export")
        format = request.query_params.get("format", "csv")
        data = await _in_thread(lambda: self._gate.export(claims.directory, format))
        headers = guard_headers("no-store") | {"Content-Disposition": "attachment"}
        return Response(data, media_type="application/octet-stream", headers=headers)

    async def classes(self, request: Request) -> Response:
        claims = _claims(request)
        name = (await read_json(request)).get("name")
        if not isinstance(name, str) or not name.strip():
            raise RequestRefused(400, "The class has no name.", "Type one.")
        await self._allow(claims, "classes")
        made = await _in_thread(
            lambda: self._gate.add_class(claims.directory, name, claims.annotator)
        )
        return _json(asdict(made))

    async def history(self, request: Request) -> Response:
        claims = _claims(request)
        body = await read_json(request)
        before = body.get("before")
        if before is not None and not _is_number(before):
            raise RequestRefused(400, "The place in the history is no number.")
        await self._allow(claims, "history")
        found = await _in_thread(
            lambda: self._gate.history(claims.directory, claims.annotator, before, STEPS_AT_ONCE)
        )
        return _json(found)

    async def suggestions(self, request: Request) -> Response:
        claims = _claims(request)
        ids = (await read_json(request)).get("image_ids")
        if not _are_ids(ids):
            raise RequestRefused(400, "The images are no list of numbers.")
        await self._allow(claims, "suggestions")
        return _json(await _in_thread(lambda: self._gate.suggestions(claims.directory, ids)))

    async def why(self, request: Request) -> Response:
        claims = _claims(request)
        image_id = (await read_json(request)).get("image_id")
        if not isinstance(image_id, int) or not _is_number(image_id):
            raise RequestRefused(400, "The request names no image.")
        await self._allow(claims, "why")
        found = await _in_thread(
            lambda: self._gate.why(claims.directory, image_id, claims.annotator)
        )
        if found is None:
            raise RequestRefused(404, "There is no such image.")
        return _json(found)

    async def thumbnail(self, request: Request) -> Response:
        claims = read_image_key(request.path_params["key"])
        directory, content_hash = claims.directory, _content_hash(request)
        await self._allow(claims, "thumbnail")
        file = await _in_thread(lambda: self._gate.thumbnail_file(directory, content_hash))
        if file is None or not file.is_file():
            raise RequestRefused(404, "There is no such thumbnail.", "Scan the images again.")
        return FileResponse(file, media_type="image/jpeg", headers=guard_headers(IMMUTABLE))

    async def image(self, request: Request) -> Response:
        claims = read_image_key(request.path_params["key"])
        directory, content_hash = claims.directory, _content_hash(request)
        await self._allow(claims, "image")
        if not _IMAGE_ID.fullmatch(request.path_params["image_id"]):
            raise RequestRefused(404, "There is no such image.")
        image_id = int(request.path_params["image_id"])
        file = await _in_thread(lambda: self._gate.image_file(directory, image_id, content_hash))
        if file is None:
            raise RequestRefused(404, "There is no such image, or it has changed.", "Scan again.")
        self._limiter = self._limiter or anyio.CapacityLimiter(PARALLEL_DISPLAY_IMAGES)
        data = await anyio.to_thread.run_sync(_display_jpeg, file, limiter=self._limiter)
        return Response(data, media_type="image/jpeg", headers=guard_headers(IMMUTABLE))

    async def _allow(self, claims: Claims, route: str) -> None:
        await check_route(self._gate, claims, route)


async def check_route(gate: Allows, claims: Claims, route: str) -> None:
    """Refuse, with status 403, what the person's role does not allow (`labels.roles.ROUTES`)."""
    try:
        await _in_thread(lambda: gate.allow(claims.directory, claims.annotator, ROUTES[route]))
    except ColdstartError as error:
        raise RequestRefused(403, error.problem, error.remedy) from error


def _guarded(endpoint: _Handler) -> _Handler:
    """``endpoint`` for this site's own pages only, with every refusal as one JSON sentence."""

    @wraps(endpoint)
    async def guarded(request: Request) -> Response:
        try:
            check_origin(request)
            return await endpoint(request)
        except RequestRefused as error:
            return _refusal(error.status, error)
        except TokenRefused as error:
            return _refusal(401, error)
        except ColdstartError as error:
            return _refusal(422, error)

    return guarded


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _are_ids(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and len(value) <= MAX_EVENTS and all(map(_is_number, value))


def _claims(request: Request) -> Claims:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenRefused("The request carries no permission to label.", "Reload the page.")
    return read_token(token.strip())


def _content_hash(request: Request) -> str:
    content_hash = str(request.path_params["hash"])
    if not _CONTENT_HASH.fullmatch(content_hash):
        raise RequestRefused(404, "There is no such image.")
    return content_hash


def _display_jpeg(file: Path) -> bytes:
    """The image as a JPEG whose longest side is at most `MAX_DISPLAY_PIXELS`."""
    from coldstart.images.read import read_image

    image = read_image(file, at_least=MAX_DISPLAY_PIXELS)
    image.thumbnail((MAX_DISPLAY_PIXELS, MAX_DISPLAY_PIXELS))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


async def _in_thread(call: Callable[[], _T]) -> _T:
    return await anyio.to_thread.run_sync(call)


def _json(body: dict[str, object], status: int = 200) -> JSONResponse:
    return JSONResponse(body, status, headers=guard_headers("no-store"))


def _refusal(status: int, error: ColdstartError) -> JSONResponse:
    return _json({"error": error.problem, "remedy": error.remedy}, status)


def _prefix(base: str) -> str:
    return f"/{base.strip('/')}" if base.strip("/") else ""
