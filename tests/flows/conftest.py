"""The same stories on the fake and on the real records store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.empty_records import records_in
from tests.flows.fakes import FakeRecords


@pytest.fixture(params=["fake", "sqlite"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "fake":
        yield FakeRecords()
        return
    with records_in(tmp_path) as store:
        yield store
