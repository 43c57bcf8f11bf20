from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docker.programs import Programs
from tests.docker.stack import Stack, made


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """For tests that only look."""
    return made(tmp_path_factory.mktemp("stack"), "full", "hub.example")


@pytest.fixture
def programs() -> Iterator[Programs]:
    """Starts real programs, and ends them with the test."""
    with Programs() as running:
        yield running
