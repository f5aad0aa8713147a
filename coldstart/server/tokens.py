"""Signed names for the routes: a project's key in URLs, and the token that lets someone label.

Both are text a browser may hold and nobody but this server can make: `payload.signature`, each
part base64url, the signature HMAC-SHA256 under the server's secret (RFC 2104).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
import os
import secrets
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from coldstart.errors import ColdstartError
from coldstart.workflow.projects import projects_folder

TOKEN_LIFETIME_S = 3600
# Expiries are rounded up to this, so that a page that reruns often hands out one unchanged token.
TOKEN_GRAIN_S = 600
# Four hours: an image's URL is worth something for at least these, and at most twice as long.
IMAGE_KEY_GRAIN_S = 4 * 3600
SECRET_FILE = ".secret"


class TokenRefused(ColdstartError):
    """A project key or token that this server did not make, or that has run out."""


@dataclass(frozen=True)
class Claims:
    """What a token says: who may label in which project, until when (seconds since 1970)."""

    directory: Path
    annotator: str
    expires_at: float


def project_key(directory: Path) -> str:
    """The stable name of a project's directory; it opens nothing."""
    return _sign("project", _short_name(directory).encode("utf-8", "surrogateescape"))


def project_directory(key: str) -> Path:
    """The directory a project key stands for.

    Raises
    ------
    TokenRefused : the key was not made by this server.
    """
    return _long_name(_verified("project", key).decode("utf-8", "surrogateescape"))


def image_key(directory: Path, annotator: str, *, now: float | None = None) -> str:
    """The name of a project in the URLs of its images, for one person and some hours.

    It stays the same for `IMAGE_KEY_GRAIN_S`, so that a browser keeps what it has fetched.
    """
    until = (time.time() if now is None else now) + IMAGE_KEY_GRAIN_S
    until = math.ceil(until / IMAGE_KEY_GRAIN_S) * IMAGE_KEY_GRAIN_S
    claims = {"project": _short_name(directory), "annotator": annotator, "expires_at": until}
    return _sign("images", json.dumps(claims).encode())


def read_image_key(key: str, *, now: float | None = None) -> Claims:
    """Who may see which project's images, until when.

    Raises
    ------
    TokenRefused : the key was not made by this server, or has run out.
    """
    return _claims("images", key, now)


def make_token(
    directory: Path,
    annotator: str,
    *,
    lifetime_s: float = TOKEN_LIFETIME_S,
    now: float | None = None,
) -> str:
    """A token that lets ``annotator`` label in ``directory`` for at least ``lifetime_s`` seconds.

    The payload is readable JSON; the labeller takes the annotator's name from it.
    """
    until = (time.time() if now is None else now) + lifetime_s
    if lifetime_s >= TOKEN_GRAIN_S:
        until = math.ceil(until / TOKEN_GRAIN_S) * TOKEN_GRAIN_S
    claims = {"project": _short_name(directory), "annotator": annotator, "expires_at": until}
    return _sign("token", json.dumps(claims).encode())


def read_token(token: str, *, now: float | None = None) -> Claims:
    """What a token says.

    Raises
    ------
    TokenRefused : the token was not made by this server, or has run out.
    """
    return _claims("token", token, now)


def _claims(purpose: str, text: str, now: float | None) -> Claims:
    claims = json.loads(_verified(purpose, text))
    if claims["expires_at"] < (time.time() if now is None else now):
        raise TokenRefused("Your permission here has run out.", "The page renews it.")
    return Claims(_long_name(claims["project"]), claims["annotator"], claims["expires_at"])


def _short_name(directory: Path) -> str:
    # Relative where possible: such a key shows no more of the disk than it must.
    full = Path(os.path.abspath(directory))
    home = Path(os.path.abspath(projects_folder()))
    return full.relative_to(home).as_posix() if full.is_relative_to(home) else full.as_posix()


def _long_name(name: str) -> Path:
    return Path(os.path.abspath(projects_folder())) / name


def _sign(purpose: str, payload: bytes) -> str:
    return f"{_encoded(payload)}.{_encoded(_signature(purpose, payload))}"


def _verified(purpose: str, text: str) -> bytes:
    body, _, signature = text.partition(".")
    try:
        payload = _decoded(body)
        genuine = hmac.compare_digest(_decoded(signature), _signature(purpose, payload))
    except (binascii.Error, ValueError):
        genuine = False
    if not genuine:
        raise TokenRefused(
            "This link or permission was not made by this server.", "Reload the page."
        )
    return payload


def _signature(purpose: str, payload: bytes) -> bytes:
    # The purpose is signed too, so that a project key can never pass for a token.
    return hmac.digest(_secret(), purpose.encode() + b"\0" + payload, hashlib.sha256)[:18]


def _secret() -> bytes:
    given = os.environ.get("COLDSTART_SECRET")
    return given.encode() if given else _secret_from_file(projects_folder() / SECRET_FILE)


@lru_cache(maxsize=8)
def _secret_from_file(file: Path) -> bytes:
    """The secret kept beside the projects, made on first use and readable by its owner only."""
    try:
        if not file.is_file():
            _write_secret(file)
        return file.read_text().encode()
    except OSError as error:
        raise ColdstartError(
            f"The server's secret {file} cannot be read or written ({error.strerror}).",
            "Make the projects folder writable, or set COLDSTART_SECRET.",
        ) from error


def _write_secret(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "w") as out:
            out.write(secrets.token_hex(32))
        os.link(draft, file)  # never replaces: of two servers that start at once, one wins
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
