"""A mosquitto of a test's own: one open listener on this machine, nothing remembered."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_ports

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


@contextlib.contextmanager
def own_mosquitto(folder: Path) -> Iterator[int]:
    """Its port. Skips where mosquitto is not installed."""
    if not Path(MOSQUITTO).is_file():
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    [port] = free_ports(1)
    user = "user root\n" if os.geteuid() == 0 else ""
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n{user}")
    with subprocess.Popen([MOSQUITTO, "-v", "-c", str(config)], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if " running" in line:
                break
        drain = threading.Thread(target=process.stderr.read)
        drain.start()
        yield port
        process.send_signal(signal.SIGTERM)
        drain.join()
