"""How long each metric is kept."""

from __future__ import annotations

from hub.domain.retention import MONTH_MS, YEAR_MS, Before, Kept, Retention

NOW = 1_795_000_000_000
USUAL = Kept(raw_months=13, rollup_years=5)


def test_a_metric_nobody_named_is_kept_as_the_others_are() -> None:
    kept = Retention(default=USUAL, metrics={"door_open": Kept(raw_months=3, rollup_years=2)})
    usual = Before(NOW - 13 * MONTH_MS, NOW - 5 * YEAR_MS)
    assert kept.before("temperature", NOW) == usual
    assert kept.before("a_makers_own_name", NOW) == usual
    assert kept.before("door_open", NOW) == Before(NOW - 3 * MONTH_MS, NOW - 2 * YEAR_MS)
