"""The uplinks of ChirpStack's device profiles: objects become readings, and bytes decode to the objects' numbers.

The vectors are foreign (MIT) and stay outside of the repository: see ``foreign_data``.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from devices.contract import Decoded, Message
from devices.formats.chirpstack import ChirpStackFormat
from devices.lorawan.codecs import Codec, choose
from devices.words import METRICS, plain

FORMAT: Final = ChirpStackFormat()
ORDERED: Final = {
    "dl-dlr2-004": "dl-dlr2-004-10",
    "dl-dlr2-008": "dl-dlr2-008-2000",
    "dl-dlr2-009": "dl-dlr2-009-2000",
    "dl-dws": "dl-dws-232263168-0000302459-1370",
    "dl-kl66": "dl-kl66-1538372-464859",
    "dl-pr21": "dl-pr21-1-10",
    "dl-pr26": "dl-pr26-0-1",
    "dl-pr36": "dl-pr36-8192",
    "dl-pr36ctd": "dl-pr36ctd-8192-1024",
    "dl-tbrg": "dl-tbrg-01",
}
"""Made to order: the parameters of the upstream codec, by its name."""
READ_BY_US: Final = ("decentlab", "elsys", "milesight")

# Vendor -> key of the object -> (point, factor), as the makers' manuals say it. A key ending in # is numbered; one with
# a unit behind it counts for values in that unit.
KNOWN: Final[dict[str, dict[str, tuple[str, float]]]] = {
    "decentlab": {
        "battery_voltage": ("battery_voltage", 1),
        "temperature": ("temperature", 1),
        "air_temperature": ("temperature", 1),
        "temperature_pt1000": ("temperature", 1),
        "soil_temperature": ("soil.temperature", 1),
        "surface_temperature": ("surface.temperature", 1),
        "temperature_target": ("surface.temperature", 1),
        "leaf_temperature": ("leaf.temperature", 1),
        "temperature_head": ("head.temperature", 1),
        "head_temperature": ("head.temperature", 1),
        "sensor_temperature": ("sensor.temperature", 1),
        "sensor_temperature_internal": ("internal.temperature", 1),
        "internal_temperature": ("internal.temperature", 1),
        "air_temperature_radiation_shield": ("shield.temperature", 1),
        "barometer_temperature": ("barometer.temperature", 1),
        "co2_sensor_temperature": ("co2_sensor.temperature", 1),
        "temperature_outer": ("outer.temperature", 1),
        "temperature_electronics": ("electronics.temperature", 1),
        "temperature_at_level_#": ("level#.temperature", 1),
        "soil_temperature_at_depth_#": ("depth#.temperature", 1),
        "air_humidity": ("humidity", 1),
        "relative_humidity": ("humidity", 1),
        "air_humidity_radiation_shield": ("shield.humidity", 1),
        "co2_concentration": ("co2", 1),
        "co2_concentration_lpf": ("filtered.co2", 1),
        "illuminance": ("illuminance", 1),
        "pm1_0_mass_concentration": ("pm1", 1),
        "pm2_5_mass_concentration": ("pm25", 1),
        "pm10_mass_concentration": ("pm10", 1),
        "wind_speed": ("wind_speed", 1),
        "maximum_wind_speed": ("max.wind_speed", 1),
        "precipitation": ("rain", 1),
        "water_depth": ("level", 0.001),
        "distance": ("distance", 0.001),
        "distance_average": ("distance", 0.001),
        "distance_minimum": ("min.distance", 0.001),
        "distance_maximum": ("max.distance", 0.001),
        "dew_point": ("dew_point", 1),
        "wind_direction": ("wind_direction", 1),
        "volumetric_water_content": ("soil_moisture", 100),
        "moisture_at_level_#": ("level#.soil_moisture", 1),
        "electrical_conductivity µS⋅cm⁻¹": ("conductivity", 1),
        "electrical_conductivity mS⋅cm⁻¹": ("conductivity", 1000),
        "pressure": ("pressure", 0.1),
        "atmospheric_pressure kPa": ("air_pressure", 10),
        "barometric_pressure kPa": ("air_pressure", 10),
        "barometric_pressure Pa": ("air_pressure", 0.01),
        "current": ("current", 0.001),
        "voltage": ("voltage", 1),
        "weight": ("weight", 0.001),
        "ph": ("ph", 1),
        "turbidity_in_ntu": ("turbidity", 1),
        # kept apart from metrics of the same name
        "turbidity": ("turbidity_fau", 1),
        "frequency": ("wire_frequency", 1),
    },
    "elsys": {
        "temperature": ("temperature", 1),
        "humidity": ("humidity", 1),
        "vdd": ("battery_voltage", 0.001),
        "externalTemperature": ("external.temperature", 1),
        "pressure": ("air_pressure", 1),
    },
    "milesight": {"battery": ("battery", 1), "temperature": ("temperature", 1), "humidity": ("humidity", 1)},
    "yobiiq": {
        "batteryVoltage": ("battery_voltage", 1),
        "batteryLevelInPercentage": ("battery", 1),
        "electricityDeliveredToClient": ("energy", 0.001),
        "electricityPowerDelivered": ("power", 1),
        "internalCircuitTemperature": ("internal.temperature", 1),
        "voltageL1": ("l1.voltage", 1),
        "currentL1": ("l1.current", 1),
        "frequency": ("frequency", 1),
        "voltageL1N": ("l1.voltage", 1),
        "voltageL2N": ("l2.voltage", 1),
        "voltageL3N": ("l3.voltage", 1),
        "currentL1 mA": ("l1.current", 0.001),
        "currentL2 mA": ("l2.current", 0.001),
        "currentL3 mA": ("l3.current", 0.001),
        "activePowerL1": ("l1.power", 1),
        "activePowerL2": ("l2.power", 1),
        "activePowerL3": ("l3.power", 1),
        "totalSystemActivePower": ("power", 1000),
        "activeEnergyImportL1T1": ("t1.energy", 0.001),
        "activeEnergyImportL123T1": ("t1.energy", 0.001),
        "activeEnergyImportL123T2": ("t2.energy", 0.001),
    },
    "vutility": {
        "pulseCount": ("pulses", 1),
        "averageAmps": ("current", 1),
        "maximumAmps": ("max.current", 1),
        "minimumAmps": ("min.current", 1),
        "temperatureCelsius": ("temperature", 1),
        "voltageL#": ("l#.voltage", 1),
        "currentL#": ("l#.current", 1),
        "maxCurrentL#": ("max_l#.current", 1),
    },
    "rakwireless": {"presence_48": ("ch48.presence", 1), "voltage_1": ("ch1.voltage", 1)},
    "sept-s": {
        "temperature": ("temperature", 1),
        "minimumTemperature": ("min.temperature", 1),
        "maximumTemperature": ("max.temperature", 1),
        "batteryLevel": ("battery_voltage", 1),
        "status.batteryLow": ("battery_low", 1),
        "status.smokeAlarm": ("smoke", 1),
    },
    "example-vendor": {"temp": ("temperature", 1)},
}
WORDS: Final = {("leakage_status", "normal"): ("leak", False), ("leakage_status", "leak"): ("leak", True)} | {
    (f"{alarm}Alarm", word): (metric, word == "Alarm")
    for alarm, metric in (("smoke", "smoke"), ("fault", "fault"), ("lowBattery", "battery_low"))
    for word in ("Normal", "Alarm")
}
ANNOUNCED: Final = {"device_id", "deviceSerialNumber", "report_interval", "serialNumber"}
SAYS_NOTHING: Final = {"protocol_version", "fPort", "index", "packageTimestamp", "timestamp", "timestamp.ts"}
"""Of the frame or the radio; and times, which are the samples' own."""
SETTINGS: Final = ("configuration.",)


class Case(NamedTuple):
    vendor: str
    device: str
    title: str
    port: int
    payload: bytes
    data: dict[str, Any]


@pytest.fixture(scope="session")
def cases(foreign_data: Path) -> list[Case]:
    found = []
    for path in sorted((foreign_data / "vectors" / "chirpstack" / "vendors").glob("*/codecs/*.json")):
        device = path.stem.removeprefix("test_decode_")
        for each in json.loads(path.read_text(encoding="utf-8")):
            given = each["input"]
            title = each.get("name", each.get("description", ""))
            payload = bytes(given["bytes"])
            found.append(Case(path.parts[-3], device, title, given.get("fPort", 1), payload, each["expected"]["data"]))
    assert len(found) == 164
    return found


def said(case: Case, **event: Any) -> Decoded:
    """What ChirpStack's event with this object or these bytes says."""
    tags = {"codec": ORDERED[case.device]} if case.device in ORDERED else {}
    info = {"devEui": "0102030405060708", "deviceProfileName": f"{case.vendor} {case.device}", "tags": tags}
    body = {"deduplicationId": "d", "deviceInfo": info, "fPort": case.port, **event}
    topic = "application/a/device/0102030405060708/event/up"
    route = FORMAT.route(topic, "harmony-garden")
    assert route is not None
    return FORMAT.decode(route, Message(topic=topic, payload=json.dumps(body).encode(), received_at=0))


def leaves(found: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any, str]]:
    """(key, value, unit): values with a unit are one leaf, entries of a list that name themselves too."""
    for key, value in found.items():
        name = f"{path}{key}"
        if isinstance(value, dict) and value.keys() & {"value", "data"}:
            yield name, value.get("value", value.get("data")), value.get("unit", "")
        elif isinstance(value, dict):
            yield from leaves(value, f"{name}.")
        elif isinstance(value, list):
            for each in value:
                if "name" in each:
                    yield each["name"], each["data"], ""
                else:
                    yield from leaves(each)
        else:
            yield name, value, ""


def number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def expected(case: Case, key: str, unit: str) -> tuple[str, float] | None:
    """The point and the factor that the table promises for a key."""
    table = KNOWN[case.vendor]
    digits = re.sub(r"\d+$", "#", key)
    for word in (f"{key} {unit}", key, digits):
        if word in table:
            point, factor = table[word]
            return point.replace("#", (re.search(r"\d+$", key) or [""])[0]), factor
    return None


class Judge:
    """Holds the readings of one object against the object: every number has its reading, every reading its number."""

    def __init__(self, case: Case, used: Counter[tuple[str, str]]) -> None:
        self.case = case
        self.used = used
        self.decoded = said(case, object=case.data)
        self.points: dict[str, Any] = {}
        for sample in self.decoded.samples:
            self.points |= sample.values
        self.explained: set[str] = set()

    def complaints(self) -> list[str]:
        found = [f"{problem.detail}" for problem in self.decoded.problems]
        for key, value, unit in leaves(self.case.data):
            wrong = self.number(key, value, unit) if number(value) else self.word(key, value)
            if wrong:
                found.append(f"{key} = {value} {unit}: {wrong}")
        texts = {point for point, value in self.points.items() if isinstance(value, str)}
        if self.points.keys() - self.explained - texts:
            found.append(f"unexplained: {self.points.keys() - self.explained - texts}")
        return [f"{self.case.vendor} {self.case.device} {self.case.title}: {each}" for each in found]

    def word(self, key: str, value: str) -> str:
        point, promised = WORDS.get((key, value), ("", None))
        if promised is None:
            return ""
        self.explained.add(point)
        return "" if self.points.get(point) is promised else f"{point} is {self.points.get(point)}"

    def number(self, key: str, value: float, unit: str) -> str:
        if key in SAYS_NOTHING or key.startswith(SETTINGS):
            return ""
        if key in ANNOUNCED:
            [announcement] = self.decoded.announcements
            return "" if str(value) in {announcement.serial, str(announcement.interval_s)} else "not announced"
        known = expected(self.case, key, unit)
        if known is None:
            return self.kept(key, value)
        point, factor = known
        self.used[self.case.vendor, key] += 1
        if point.endswith("temperature") and value < -273.15:
            return "no probe is no reading" if point in self.points else ""
        if point in self.explained:
            return self.kept(key, value)  # the same quantity again
        self.explained.add(point)
        found = self.points.get(point)
        right = found is not None and float(found) == pytest.approx(value * factor, rel=1e-9)
        return "" if right else f"{point} is {found}"

    def kept(self, key: str, value: float) -> str:
        self.explained.add(key)
        if key.rpartition(".")[2] in METRICS:
            return "taken for a metric"
        return "" if self.points.get(key) == value else f"kept as {self.points.get(key)}"


def test_every_object_becomes_readings_with_the_right_metric_and_unit(cases: list[Case]) -> None:
    used: Counter[tuple[str, str]] = Counter()
    wrong = [complaint for case in cases for complaint in Judge(case, used).complaints()]
    assert not wrong, "\n".join(wrong)
    for vendor, table in KNOWN.items():
        unused = {key for key in table if not any(used[vendor, each] for each in _spellings(key, used, vendor))}
        assert not unused, f"{vendor}: nothing tests {unused}"
    assert sum(used.values()) > 300


def _spellings(key: str, used: Counter[tuple[str, str]], vendor: str) -> list[str]:
    key = key.partition(" ")[0] if vendor == "decentlab" else key  # behind the blank: the unit that is meant
    if key.endswith("#"):
        return [name for maker, name in used if maker == vendor and name.startswith(key[:-1])]
    return [key.removesuffix(" mA")]


def flat(found: dict[str, Any]) -> dict[str, Any]:
    """An object's values under names in snake case; the version of Decentlab's protocol is the codec's own business."""
    parts: dict[str, Any] = {}
    for key, value in found.items():
        if isinstance(value, list):
            parts |= {
                f"{plain(key)}.{i}.{plain(name)}": inner for i, each in enumerate(value) for name, inner in each.items()
            }
        elif key != "protocol_version":
            parts[plain(key)] = value["value"] if isinstance(value, dict) else value
    return parts


def test_bytes_decode_by_themselves_to_the_numbers_of_the_object(cases: list[Case]) -> None:
    counted: Counter[str] = Counter()
    for case in cases:
        if case.vendor not in READ_BY_US:
            continue
        codec = choose(ORDERED.get(case.device, ""), f"{case.vendor} {case.device}")
        assert isinstance(codec, Codec), case
        frame = codec.read(case.payload, case.port)
        assert frame.trouble is None, (case, frame.trouble)
        want = {
            key: pytest.approx(value, rel=1e-6, abs=1e-6) if number(value) else value
            for key, value in flat(case.data).items()
        }
        assert flat(frame.values) == want, case
        counted[case.vendor] += 1
    assert counted == {"decentlab": 114, "elsys": 8, "milesight": 6}


def test_bytes_say_the_same_as_the_object_through_the_whole_format(cases: list[Case]) -> None:
    for case in cases:
        if case.vendor in READ_BY_US:
            by_bytes = said(case, data=base64.b64encode(case.payload).decode())
            by_object = said(case, object=case.data)
            assert not by_bytes.problems
            assert [s.time for s in by_bytes.samples] == [s.time for s in by_object.samples]
            for ours, theirs in zip(by_bytes.samples, by_object.samples, strict=True):
                want = {
                    name: pytest.approx(value, rel=1e-6, abs=1e-6) if isinstance(value, float) else value
                    for name, value in theirs.values.items()
                }
                assert ours.values == want, case


def test_the_cayenne_bytes_of_another_maker_read_too(cases: list[Case]) -> None:
    [case] = [case for case in cases if case.vendor == "rakwireless"]
    codec = choose("cayenne", "")
    assert isinstance(codec, Codec)
    assert codec.read(case.payload, 1).values == {key: pytest.approx(value) for key, value in case.data.items()}
