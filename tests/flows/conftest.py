"""The same stories on the fake and on the real records store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.storage.unit import SqlRecords
from tests.flows.fakes import FakeRecords


@pytest.fixture(params=["fake", "sqlite"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "fake":
        yield FakeRecords()
        return
    store = SqlRecords(tmp_path / "records.db")
    store.open()
    yield store
    store.close()
