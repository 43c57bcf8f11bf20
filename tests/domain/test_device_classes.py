"""What sort of device one seems to be."""

from __future__ import annotations

import pytest

from hub.domain.device_classes import DEVICE_CLASSES, DeviceClass, device_class
from hub.domain.metrics import METRICS


@pytest.mark.parametrize("found", DEVICE_CLASSES.values(), ids=lambda found: found.id)
def test_every_class_speaks_of_metrics_that_there_are(found: DeviceClass) -> None:
    assert found.title.zh
    assert found.title.en
    assert frozenset().union(*found.tells) <= METRICS.keys()
    assert found.tells or found.words
    assert all(word == word.casefold() for word in found.words)


@pytest.mark.parametrize("found", DEVICE_CLASSES.values(), ids=lambda found: found.id)
def test_no_class_is_hidden_behind_another(found: DeviceClass) -> None:
    """Some metrics, or else a word, lead to each."""
    alone = [device_class({metric, *(min(some) for some in found.tells)}) for some in found.tells for metric in some]
    told = [each.device_class for each in alone if each is not None] or [
        each.device_class for word in found.words if (each := device_class((), word)) is not None
    ]
    assert found in told


@pytest.mark.parametrize(
    ("metrics", "model", "expected"),
    [
        ("temperature humidity battery signal", "", "climate_sensor"),
        ("temperature smoke battery", "", "smoke_detector"),
        ("presence illuminance temperature", "", "motion_sensor"),
        ("powered power energy", "", "plug"),
        ("powered", "", "switch"),
        ("power energy voltage current", "", "electricity_meter"),
        ("volume flow", "Smart gas thing", "water_meter"),
        ("running power current", "", "machine_controller"),
        ("battery", "AQ Smoke-Alarm 2", "smoke_detector"),
        ("battery", "小米网关3", "gateway"),
        ("battery", "Biogasometer", None),
        ("battery signal", "", None),
        ("", "", None),
    ],
)
def test_the_most_telling_metric_decides_then_the_makers_words(metrics: str, model: str, expected: str | None) -> None:
    found = device_class(metrics.split(), model)
    assert (found.device_class.id if found else None) == expected
    assert found is None or found.reason
