"""What every test shares: a clean environment, and where the foreign data lie."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# How fast examples are made says something about the machine, not about the code.
settings.register_profile("hub", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hub")


def pytest_configure() -> None:
    """A developer's own HUB_ variables must not change a result."""
    _forget_settings()


@pytest.fixture(autouse=True)
def _no_settings_of_another_test() -> Iterator[None]:
    """What a command made of HUB_…_FILE stays in the environment of its process: here that is the tests' own."""
    yield
    _forget_settings()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The file that takes longest comes first: at the end, its worker would be the only one at work."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


def _forget_settings() -> None:
    for name in [name for name in os.environ if name.startswith("HUB_") and not name.startswith("HUB_TEST_")]:
        del os.environ[name]


@pytest.fixture(scope="session")
def foreign_data() -> Path:
    """Recorded data that the project did not make: HUB_TEST_DATA, or the folder ``shared`` beside the checkout."""
    path = Path(os.environ.get("HUB_TEST_DATA", ROOT.parent / "shared"))
    if not (path / "data").is_dir():
        pytest.skip(f"foreign data not found at {path}: set HUB_TEST_DATA to run this")
    return path


@pytest.fixture(autouse=True)
def _the_log_as_it_was() -> Iterator[None]:
    """A command that sets up the log must not deafen the tests after it."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    for handler in root.handlers[:]:
        if handler not in handlers and not type(handler).__module__.startswith("_pytest"):
            root.removeHandler(handler)
