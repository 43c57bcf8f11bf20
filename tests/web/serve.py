"""The pages on the fake hub, to look at while working on them: python -m tests.web.serve [PORT]"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from hub.clock import WallClock
from hub.settings import Settings, Web
from hub.web.app import create_app
from hub.web.pulse import Pulse
from hub.web.server import Server
from tests.web.fakes.hub import LOGINS, PASSWORD, build


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8090
    with tempfile.TemporaryDirectory() as folder:
        hub = build(Path(folder), WallClock(), settings=Settings(web=Web(port=port)))
        server = Server(create_app(hub.deps), hub.deps.settings.web)
        pulse = Pulse(hub.deps)
        server.start()
        pulse.start()
        print(f"{server.url}  {', '.join(LOGINS)} / {PASSWORD}", flush=True)  # noqa: T201 - a tool for a terminal
        try:
            sys.stdin.read()
        finally:
            pulse.stop()
            server.stop()
            hub.close()


if __name__ == "__main__":
    main()
