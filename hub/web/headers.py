"""Headers that keep browsers strict, and a limit on what a request may send. Plain ASGI: streams pass untouched."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers as RequestHeaders
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT: Final = 1024 * 1024
PUSHES: Final = "/ingest/"
"""What comes in here has a smaller limit of its own, and need not say its length."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

FIXED: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Headers:
    """Middleware."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._fixed = dict(FIXED)
        if https:
            self._fixed["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def strict(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._fixed.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "public, max-age=31536000, immutable"
                else:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if not scope["path"].startswith(PUSHES) and _too_large(scope):
            body = {
                "type": "urn:community-hub:problem:too_large",
                "title": "Too large",
                "status": 413,
                "slug": "too_large",
            }
            body["detail"] = f"a request may send at most {BODY_LIMIT} bytes and must say how many it sends"
            await JSONResponse(body, 413, media_type="application/problem+json")(scope, receive, strict)
            return
        await self._app(scope, receive, strict)


def _too_large(scope: Scope) -> bool:
    headers = RequestHeaders(scope=scope)
    length = headers.get("content-length")
    if length is None:
        return "transfer-encoding" in headers
    return not length.isdecimal() or int(length) > BODY_LIMIT
