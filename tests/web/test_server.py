"""The socket that pages are served on."""

from __future__ import annotations

import asyncio
import socket

from hub.settings import Web
from hub.web.server import _bind


def test_an_answer_does_not_wait_for_the_acknowledgement_of_its_head() -> None:
    async def no_delay() -> int:
        found = asyncio.get_running_loop().create_future()

        class Served(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                found.set_result(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

        server = await asyncio.get_running_loop().create_server(Served, sock=bound)
        async with server:
            with socket.create_connection(bound.getsockname()):
                return int(await found)

    with _bind(Web(port=0)) as bound:
        assert asyncio.run(no_delay()) == 1
