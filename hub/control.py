"""Commands inside the running hub: one JSON line in, lines of progress and one result out, over a Unix socket."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hub.errors import HubError

log = logging.getLogger(__name__)


class Progress(NamedTuple):
    """How far long work has come: ``done`` of ``total`` things that ``what`` names."""

    done: int
    total: int
    what: str


Word = str | Progress
Say = Callable[[Word], None]
"""Tells the person a line, or how far it has come."""
Handler = Callable[[dict[str, Any], Say], Any]
"""(arguments, say) -> a result that JSON can hold."""

MAX_REQUEST = 64 * 1024 * 1024


class CommandFailed(HubError):
    """The running hub refused the command; the text is the hub's own sentence."""


class ControlServer:
    """Answers commands while the hub runs. The socket is made 0600: whoever may open it may command the hub."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = handlers
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Listen; a socket file left by a hub that was killed is replaced (the data folder's lock is held)."""
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        _bind(listener, self._path)
        self._path.chmod(0o600)
        listener.listen(8)
        self._socket = listener
        threading.Thread(target=self._accept, args=(listener,), name="control", daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
            self._path.unlink(missing_ok=True)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), name="command", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream, contextlib.suppress(OSError):

            def write(kind: str, value: Any) -> None:
                stream.write(json.dumps({kind: value}, ensure_ascii=False).encode() + b"\n")
                stream.flush()

            def say(word: Word) -> None:
                write("progress" if isinstance(word, Progress) else "say", word)

            try:
                request = json.loads(stream.readline(MAX_REQUEST))
                handler = self._handlers.get(request["command"])
                if handler is None:
                    write("error", f"this hub knows no command {request['command']!r}; is it an older version?")
                    return
                write("result", handler(request["arguments"], say))
            except HubError as error:
                write("error", str(error))
            except (ValueError, KeyError, TypeError) as error:
                write("error", f"the command could not be read: {error}")
            except Exception as error:
                log.exception("A command failed", extra={"action": "command_failed"})
                write("error", f"the command failed inside the hub: {error!r}; the hub's log has the trace")


def call(path: Path, command: str, arguments: dict[str, Any], say: Say) -> Any:
    """Run a command inside the hub that listens at ``path``.

    ConnectionError where none does; CommandFailed with the hub's own sentence where it refuses.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            _connect(connection, path)
        except OSError as error:
            raise ConnectionError(f"no hub listens at {path}") from error
        with connection.makefile("rwb") as stream:
            stream.write(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
            stream.flush()
            for answer in _answers(stream):
                if "say" in answer:
                    say(answer["say"])
                elif "progress" in answer:
                    say(Progress(*answer["progress"]))
                elif "error" in answer:
                    raise CommandFailed(answer["error"])
                else:
                    return answer["result"]
    raise CommandFailed("the hub stopped before it had finished the command")


def _answers(stream: Any) -> Iterator[dict[str, Any]]:
    for line in stream:
        yield json.loads(line)


def _bind(listener: socket.socket, path: Path) -> None:
    with _short(path) as name:
        listener.bind(name)


def _connect(connection: socket.socket, path: Path) -> None:
    with _short(path) as name:
        connection.connect(name)


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name that fits into a socket address (108 bytes), also for deep folders: through the folder's descriptor."""
    name = str(path)
    if len(name.encode()) < 100:
        yield name
        return
    import os

    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
