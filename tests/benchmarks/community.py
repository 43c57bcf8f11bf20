"""The community of the benchmarks: as many devices as the publisher has, five points each, a limit rule on every point."""

from __future__ import annotations

from typing import Final

HEAD: Final = """
[community]
id = "bench"
name = { zh = "压测小区", en = "Bench" }
prefix = "BN"

[parties.owner]
name = { zh = "物业", en = "Owner" }

[crews.crew]
name = { zh = "工程班", en = "Crew" }
default = true
party = "owner"

[places.b1]
kind = "building"
name = { zh = "1栋", en = "Building 1" }

[places.g1]
kind = "grid"
name = { zh = "1网格", en = "Grid 1" }
"""

RULES: Final = """
[rules.bench-power]
facility_kind = "low_voltage_room"
failure_mode = "device_fault"
metric = "power"
above = 900

[rules.bench-temperature]
facility_kind = "low_voltage_room"
failure_mode = "device_fault"
metric = "temperature"
above = 100

[rules.bench-humidity]
facility_kind = "low_voltage_room"
failure_mode = "device_fault"
metric = "humidity"
above = 99

[rules.bench-level]
facility_kind = "low_voltage_room"
failure_mode = "device_fault"
metric = "level"
above = 19

[rules.bench-seq]
facility_kind = "low_voltage_room"
failure_mode = "device_fault"
metric = "uptime"
below = 1
"""

PLACE: Final = """
[facilities.f{number:04}]
kind = "low_voltage_room"
name = "F{number:04}"
building = "b1"
grid = "g1"
party = "owner"

[devices.d{number:04}]
name = "D{number:04}"
facility = "f{number:04}"
interval = "60s"
points = ["power", "temperature", "humidity", "level", {{ name = "seq", metric = "uptime" }}]
"""


def community(devices: int) -> str:
    """A community file: one facility for each device, so that each fault is a ticket of its own."""
    return "".join([HEAD, RULES, *(PLACE.format(number=number) for number in range(devices))])
