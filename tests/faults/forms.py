"""The two forms of a fault test: a small one among all tests, the full one in ``make soak``."""

from __future__ import annotations

from typing import Any

import pytest

SMALL_S = 600
FULL_S = 7_200


def small_and_full(small: object, full: object) -> list[Any]:
    """The same test with two sizes. The time limits stop a test that hangs; they measure nothing."""
    return [
        pytest.param(small, id="small", marks=pytest.mark.timeout(SMALL_S)),
        pytest.param(full, id="full", marks=[pytest.mark.soak, pytest.mark.timeout(FULL_S)]),
    ]
