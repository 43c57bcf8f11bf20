"""Bodies of pushes, read within limits: so many bytes, so many at a time, and not for ever."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import ClientDisconnect, Request

from hub.flows.pushing import Answer

AT_ONCE: Final = 64
PATIENCE_S: Final = 10.0


class Bodies:
    """Used on the event loop alone, where a sender that dawdles costs memory and no thread."""

    def __init__(self, limit: int, *, at_once: int = AT_ONCE, patience_s: float = PATIENCE_S) -> None:
        self._limit = limit
        self._at_once = at_once
        self._patience_s = patience_s
        self._reading = 0

    async def read(self, request: Request) -> bytes | Answer:
        """The whole body, or why not."""
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            return Answer(415, "encoded", "the body is compressed: send it plain")
        if self._declared(request) > self._limit:
            return self._too_large()
        if self._reading >= self._at_once:
            return Answer(
                503, "busy", "too many pushes at once: nothing was acknowledged, send it again", retry_after_s=1
            )
        self._reading += 1
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._gather(request)
        except TimeoutError:
            return Answer(408, "too_slow", f"the body did not come within {self._patience_s:g} s")
        except ClientDisconnect:
            return Answer(400, "broken_off", "the body was broken off")
        finally:
            self._reading -= 1

    async def _gather(self, request: Request) -> bytes | Answer:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._limit:
                return self._too_large()
        return bytes(body)

    def _declared(self, request: Request) -> int:
        length = request.headers.get("content-length", "")
        return int(length) if length.isascii() and length.isdecimal() and len(length) < 19 else 0

    def _too_large(self) -> Answer:
        return Answer(413, "too_large", f"a push may have {self._limit} bytes: have the cloud send less at a time")
