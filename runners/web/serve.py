"""A server of pages for one person: on this machine alone, unless told otherwise, and then behind a token."""

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ...core.errors import UsageError

STATIC = Path(__file__).with_name("static")
_FILES = {path.name: path for path in STATIC.iterdir()}
_COOKIE = "gymnast"
_POLICY = (  # nothing comes from, or goes to, anywhere else
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
)


def app(page: str, routes: Sequence[BaseRoute], host: str, token: str | None = None) -> Starlette:
    """An application whose first page is a file of `static/`, for those who ask for the address `host`."""

    async def first(_: Request) -> Response:
        return FileResponse(STATIC / page)

    async def file(request: Request) -> Response:
        path = _FILES.get(request.path_params["name"])  # of a list, so that no name leads anywhere else
        return FileResponse(path) if path else PlainTextResponse("no such file", 404)

    async def refused(_: Request, problem: Exception) -> Response:
        return JSONResponse({"error": str(problem)}, 400)

    return Starlette(
        routes=[Route("/", first), Route("/static/{name}", file), *routes],
        middleware=[Middleware(_Guard, host=host, token=token)],
        exception_handlers={UsageError: refused},
    )


async def body(request: Request) -> dict[str, Any]:
    """The object that a page sends as JSON; nothing with a GET."""
    if request.method == "GET":
        return {}
    try:
        given = await request.json()
    except ValueError as problem:
        raise UsageError("the request is no JSON") from problem
    if not isinstance(given, dict):
        raise UsageError("the request must be a JSON object")
    return given


class _Guard:
    """Refuses other sites that use this browser, and people without the token; says what pages may do.

    A site can point a name of its own at this machine (DNS rebinding), but then the browser asks for that name. It can
    send forms here, but not as JSON, and the browser says where they come from.
    """

    def __init__(self, app: ASGIApp, host: str, token: str | None) -> None:
        self.app, self.local, self.token = app, is_loopback(host), token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def headed(message: object) -> None:
            if message["type"] == "http.response.start":  # type: ignore[index]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]  # type: ignore[index, attr-defined]
            await send(message)  # type: ignore[arg-type]

        answer = self._refusal(Request(scope))
        await (answer or self.app)(scope, receive, headed)

    def _refusal(self, request: Request) -> Response | None:
        if self.local and not is_loopback(_name(request.headers.get("host", ""))):
            return PlainTextResponse("this server answers on localhost alone", 403)
        if request.method != "GET" and not _own(request.headers):
            return PlainTextResponse("another site asks", 403)
        if self.token is None:
            return None
        if _equal(request.query_params.get("token"), self.token):
            answer = RedirectResponse(request.url.path)
            answer.set_cookie(_COOKIE, self.token, httponly=True, samesite="strict")
            return answer
        if _equal(request.cookies.get(_COOKIE), self.token):
            return None
        return PlainTextResponse("this page needs the address with the token that the terminal shows", 403)


def _own(headers: Headers) -> bool:
    """Whether a page of this server asks: as JSON, which no form can send, and from here where the browser says."""
    origin = headers.get("origin")
    json = headers.get("content-type", "").partition(";")[0].strip() == "application/json"
    return json and (origin is None or urlsplit(origin).netloc == headers.get("host"))


def _equal(given: str | None, token: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), token.encode())


def _name(host: str) -> str:
    """The name in a Host header."""
    return urlsplit(f"//{host}").hostname or ""


def is_loopback(host: str) -> bool:
    """Whether it names this machine, to itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def new_token(host: str) -> str | None:
    """None on the loopback interface, whom nobody else reaches; else one that nobody guesses."""
    return None if is_loopback(host) else secrets.token_urlsafe(24)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there, on the next free port if that one is taken.

    Raises:
        UsageError: if there is no such address here, or none is free.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for tried in range(port, min(port + 20, 1 << 16)):
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, tried))
            found.listen()
            return found
        except OSError as problem:
            found.close()
            if problem.errno is not None and problem.strerror == "Address already in use":
                continue
            raise UsageError(f"cannot listen on {host}:{tried}: {problem.strerror}") from problem
    raise UsageError(f"ports {port} to {port + 19} of {host} are taken; give another one: --port")


def address(found: socket.socket, token: str | None) -> str:
    """The address to open in the browser."""
    host, port = found.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")


def run(application: Starlette, found: socket.socket) -> None:
    """Serve until Ctrl-C."""
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False))
    server.run(sockets=[found])
