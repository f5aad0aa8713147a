"""The map's routes: packed places and colours out, and what one point is.

    GET  {base}/maps/<image key>/<name>                   bytes, see `workflow.map_serving`
    GET  {base}/maps/<image key>/<places>/<number>.json   the point, and the members of its ball

The key is that of the project's images (`tokens.image_key`): who may see them may see the map.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from coldstart.errors import ColdstartError
from coldstart.server.limits import IMMUTABLE, RequestRefused, guard_headers
from coldstart.server.routes import _guarded, _in_thread, _json, _prefix
from coldstart.server.tokens import read_image_key

_NUMBER = re.compile(r"[0-9]{1,10}")


class MapGate(Protocol):
    """The project behind the map's routes, named by its directory."""

    def allow(self, directory: Path, annotator: str, action: str) -> None:
        """Raise ColdstartError unless this person may do this (`labels.roles.ACTIONS`)."""
        ...

    def map_file(self, directory: Path, name: str) -> Path | None:
        """The packed file of this name, None if there is none."""
        ...

    def map_point(self, directory: Path, places: str, number: int) -> dict[str, Any] | None:
        """What the point of this number is, None if there is none."""
        ...


def map_routes(gate: MapGate, base: str = "") -> list[Route]:
    """The two routes over ``gate``; ``base`` is Streamlit's `server.baseUrlPath`."""

    async def allowed(request: Request) -> Path:
        claims = read_image_key(request.path_params["key"])
        try:
            await _in_thread(lambda: gate.allow(claims.directory, claims.annotator, "see"))
        except ColdstartError as error:
            raise RequestRefused(403, error.problem, error.remedy) from error
        return claims.directory

    async def packed(request: Request) -> Response:
        directory = await allowed(request)
        name = str(request.path_params["name"])
        file = await _in_thread(lambda: gate.map_file(directory, name))
        if file is None:
            raise RequestRefused(404, "There is no such map.", "Reload the page.")
        headers = guard_headers(IMMUTABLE)
        return FileResponse(file, media_type="application/octet-stream", headers=headers)

    async def point(request: Request) -> Response:
        directory = await allowed(request)
        places, number = str(request.path_params["places"]), str(request.path_params["number"])
        found = None
        if _NUMBER.fullmatch(number):
            found = await _in_thread(lambda: gate.map_point(directory, places, int(number)))
        if found is None:
            raise RequestRefused(404, "There is no such point on the map.", "Reload the page.")
        return _json(found)

    prefix = _prefix(base)
    return [
        Route(f"{prefix}/maps/{{key}}/{{places}}/{{number}}.json", _guarded(point)),
        Route(f"{prefix}/maps/{{key}}/{{name}}", _guarded(packed)),
    ]
