"""A small OpenID Connect provider for the tests: discovery, authorize, token and keys over HTTP."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from streamlit_server import free_port

CLIENT_ID, CLIENT_SECRET = "coldstart", "a secret of the tests"
PEOPLE = ("olga@example.org", "anna@example.org")


@dataclass
class Provider:
    """Runs in a thread; whoever clicks a name on its page is that person."""

    port: int = field(default_factory=free_port)
    logins: int = 0

    def __post_init__(self) -> None:
        self.url = f"http://127.0.0.1:{self.port}"
        self._key = RSAKey.generate_key(2048, parameters={"kid": "one"})
        self._codes: dict[str, dict[str, str]] = {}
        routes = [
            Route("/.well-known/openid-configuration", self._configuration),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
            Route("/keys", self._keys),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), host="127.0.0.1", port=self.port, log_level="error"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.02)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    async def _configuration(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if asked.get("client_id") != CLIENT_ID or "redirect_uri" not in asked:
            return Response("unknown client", 400)
        who = asked.pop("who", None)
        if who is None:
            links = [
                f'<p><a href="/authorize?{urlencode(asked | {"who": one})}">{one}</a></p>'
                for one in PEOPLE
            ]
            return HTMLResponse("<h1>Who are you?</h1>" + "".join(links))
        code = secrets.token_urlsafe()
        self._codes[code] = asked | {"who": who}
        back = urlencode({"code": code, "state": asked.get("state", "")})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 302)

    async def _token(self, request: Request) -> Response:
        form = {key: one[0] for key, one in parse_qs((await request.body()).decode()).items()}
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or not self._is_client(request, form) or not _proves(asked, form):
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.logins += 1
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": hashlib.sha256(asked["who"].encode()).hexdigest()[:16],
            "email": asked["who"],
            "iat": now,
            "exp": now + 600,
        }
        if "nonce" in asked:
            claims["nonce"] = asked["nonce"]
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self._key)
        return JSONResponse(
            {
                "access_token": secrets.token_urlsafe(),
                "token_type": "Bearer",
                "expires_in": 600,
                "id_token": token,
            }
        )

    async def _keys(self, request: Request) -> Response:
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    @staticmethod
    def _is_client(request: Request, form: dict[str, str]) -> bool:
        given = request.headers.get("authorization", "")
        if given.startswith("Basic "):
            return base64.b64decode(given[6:]).decode() in (
                f"{CLIENT_ID}:{CLIENT_SECRET}",
                f"{CLIENT_ID}:{CLIENT_SECRET.replace(' ', '+')}",
                f"{CLIENT_ID}:{CLIENT_SECRET.replace(' ', '%20')}",
            )
        return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)


def _proves(asked: dict[str, str], form: dict[str, str]) -> bool:
    """PKCE (RFC 7636), where the client has asked for it."""
    if "code_challenge" not in asked:
        return True
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
