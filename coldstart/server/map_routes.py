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

from coldstart.server.gate import Allows
from coldstart.server.limits import IMMUTABLE, RequestRefused, guard_headers
from coldstart.server.routes import _guarded, _in_thread, _json, _prefix, check_route
from coldstart.server.tokens import read_image_key

_NUMBER = re.compile(r"[0-9]{1,10}")


class MapGate(Allows, Protocol):
    """The project behind the map's routes, named by its directory."""

    def map_file(self, directory: Path, name: str) -> Path | None:
        """The packed file of this name, None if there is none."""
        ...

    def map_point(self, directory: Path, places: str, number: int) -> dict[str, Any] | None:
        """What the point of this number is, None if there is none."""
        ...


def map_routes(gate: MapGate, base: str = "") -> list[Route]:
    """The two routes over ``gate``; ``base`` is Streamlit's `server.baseUrlPath`."""

    async def allowed(request: Request, route: str) -> Path:
        claims = read_image_key(request.path_params["key"])
        await check_route(gate, claims, route)
        return claims.directory

    async def map(request: Request) -> Response:
        directory = await allowed(request, "map")
        name = str(request.path_params["name"])
        file = await _in_thread(lambda: gate.map_file(directory, name))
        if file is None:
            raise RequestRefused(404, "There is no such map.", "Reload the page.")
        headers = guard_headers(IMMUTABLE)
        return FileResponse(file, media_type="application/octet-stream", headers=headers)

    async def map_point(request: Request) -> Response:
        directory = await allowed(request, "map_point")
        places, number = str(request.path_params["places"]), str(request.path_params["number"])
        found = None
        if _NUMBER.fullmatch(number):
            found = await _in_thread(lambda: gate.map_point(directory, places, int(number)))
        if found is None:
            raise RequestRefused(404, "There is no such point on the map.", "Reload the page.")
        return _json(found)

    prefix = _prefix(base)
    return [
        Route(f"{prefix}/maps/{{key}}/{{places}}/{{number}}.json", _guarded(map_point)),
        Route(f"{prefix}/maps/{{key}}/{{name}}", _guarded(map)),
    ]
