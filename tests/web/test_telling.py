"""Numbers as a page says them."""

from __future__ import annotations

import pytest

from hub.web.telling import DASH, Teller
from hub.words import load


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(
    ("value", "decimals", "said"),
    [
        (-0.04, 1, "0.0"),
        (-0.06, 1, "-0.1"),
        (1234567.5, 0, "1,234,568"),
        (3, 2, "3.00"),
        (None, 1, DASH),
        (-1.2345e29, 1, "-1.23e+29"),
    ],
)
def test_numbers_have_separators_and_no_minus_before_nothing(
    language: str, value: float | None, decimals: int, said: str
) -> None:
    assert Teller(language, load()[language], "Asia/Shanghai", 0).number(value, decimals) == said
