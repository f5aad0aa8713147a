"""Who is there: signed in by a provider (OIDC) where one is configured, else by a name they type.

A typed name is kept in a cookie of the browser and checked by nobody, and the page says so.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import streamlit as st

LONGEST_NAME = 60
NOT_CHECKED = (
    "Names are not checked on this server: anyone who can open this page can work under any name."
)

_COOKIE = "coldstart_name"
_NAME = "coldstart_annotator"
# The provider sends everybody back to the bare address; this is where they had wanted to go.
_WANTED = "coldstart_wanted"
_WANTED_FOR_S = 600
# A proxy in front adds one of these: then nobody is at the server's own keyboard.
_FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip")


def configured() -> bool:
    """Whether the server has a sign-in provider: a section [auth] in its secrets."""
    try:
        return "auth" in st.secrets
    except (FileNotFoundError, st.errors.StreamlitSecretNotFoundError):
        return False


def require(page: str) -> None:
    """Let nobody further who is not signed in, or has not said a name.

    page : the address of the page that was asked for; empty for the bare one.
    """
    if configured():
        if not st.user.is_logged_in:
            _sign_in_page(page)
        if _WANTED in st.context.cookies:
            _set_cookie(_WANTED, "", max_age_s=0)
        return
    _keep()
    if not name():
        _name_page()


def wanted() -> tuple[str, dict[str, str]]:
    """The page, and the query with it, that were asked for before signing in; once a session."""
    if not configured() or st.session_state.get(_WANTED):
        return "", {}
    st.session_state[_WANTED] = True
    page, _, query = unquote(st.context.cookies.get(_WANTED, "")).partition("?")
    return page, dict(parse_qsl(query))


def name() -> str:
    """The name that stands on this person's labels; empty while nobody has said one."""
    if configured():
        return name_of(st.user.to_dict())
    said = st.session_state.get(_NAME) or tidy(unquote(st.context.cookies.get(_COOKIE, "")))
    return said or (account() if at_the_servers_keyboard() else "")


def name_of(claims: dict[str, Any]) -> str:
    """The name a provider's claims give; an address that it has not verified could be anybody's."""
    keys = ["email", "preferred_username", "name", "sub"]
    if claims.get("email_verified") is False:
        keys.remove("email")
    return next((name for key in keys if (name := tidy(str(claims.get(key) or "")))), "")


def set_name(said: str) -> None:
    """Work under this name from now on, in this browser; an empty one changes nothing."""
    if tidy(said):
        st.session_state[_NAME] = tidy(said)


def tidy(said: str) -> str:
    """A name as it is stored: one line, no control characters, at most `LONGEST_NAME` letters."""
    visible = "".join(letter if letter.isprintable() else " " for letter in said)
    return " ".join(visible.split())[:LONGEST_NAME].strip()


def account() -> str:
    """The name of the account the server runs under."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "annotator"


def at_the_servers_keyboard() -> bool:
    """Whether the browser runs on the server's own machine, with no proxy between."""
    headers = {key.lower() for key in st.context.headers}
    local = st.context.ip_address in (None, "127.0.0.1", "::1")
    return local and not headers.intersection(_FORWARDED)


def _sign_in_page(page: str) -> None:
    if page:
        address = f"{page}?{urlencode(st.query_params.to_dict())}"
        _set_cookie(_WANTED, address, max_age_s=_WANTED_FOR_S)
    st.title("coldstart", anchor=False)
    st.write("Sign in to see the projects of this server.")
    st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)
    st.stop()


def _name_page() -> None:
    st.title("coldstart", anchor=False)
    st.write("What is your name? It stands on every label you give.")
    with st.form("who", border=False, width=420):
        said = st.text_input("Your name", max_chars=LONGEST_NAME)
        going = st.form_submit_button("Go on", type="primary")
    st.caption(NOT_CHECKED)
    if going and tidy(said):
        set_name(said)
        st.rerun()
    st.stop()


def _keep() -> None:
    """Write a name that was typed into the browser's cookie, so that a reload still knows it."""
    said = st.session_state.get(_NAME)
    if said and unquote(st.context.cookies.get(_COOKIE, "")) != said:
        _set_cookie(_COOKIE, said, max_age_s=31_536_000)


def _set_cookie(name: str, value: str, *, max_age_s: int) -> None:
    path = "/" + str(st.get_option("server.baseUrlPath") or "").strip("/")
    cookie = f"{name}={quote(value, safe='')}; path={path}; max-age={max_age_s}; samesite=lax"
    _mount(key=f"set_{name}", data={"cookie": cookie}, height="content")


_mount: Callable[..., Any] = st.components.v2.component(
    "coldstart_set_cookie",
    js="export default function({ data }) {\n  document.cookie = data.cookie;\n}\n",
)
