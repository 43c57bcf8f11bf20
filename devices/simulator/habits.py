"""What each metric of each kind of facility usually does, as a table of signals; healthy means within every preset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from devices.simulator.rhythm import DARK, DAYTIME, EVENING, FLAT, HOME, NIGHT, WARMTH
from devices.simulator.signals import Crowd, Draining, Duty, Free, Loaded, Signal, Steady, Stops, Total, Wave

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE

AT_REST: Final = Steady(value=False)
WELL: Final = Steady(value=True)
PUMPING: Final = Duty(HOME, share=0.6, cycle=20 * MINUTE)
DRAINING: Final = Duty(FLAT, share=0.08, cycle=3 * HOUR)
VISITED: Final = Duty(EVENING, share=0.9, cycle=90 * MINUTE)
RIDING: Final = Duty(HOME, share=0.7, cycle=2 * MINUTE)
CHARGED: Final = Duty(NIGHT, share=0.7, cycle=4 * HOUR)
EXERCISE: Final = Crowd(EVENING)
PARKED: Final = Crowd(NIGHT, share=0.8, of=100)

USUAL: Final[Mapping[str, Signal]] = {
    # air and weather
    "temperature": Wave(21.0, 4.0, WARMTH, 0.5, 1),
    "humidity": Wave(52.0, -8.0, WARMTH, 4.0, 0),
    "co2": Wave(430.0, 320.0, HOME, 40.0, 0),
    "co": Wave(3.0, 5.0, HOME, 1.0, 0),
    "pm25": Wave(28.0, 8.0, HOME, 10.0, 0),
    "pm10": Wave(45.0, 12.0, HOME, 14.0, 0),
    "tvoc": Wave(180.0, 80.0, HOME, 40.0, 0),
    "formaldehyde": Wave(0.03, 0.01, WARMTH, 0.005, 3),
    "ammonia": Wave(2.0, 1.0, WARMTH, 0.5, 1),
    "hydrogen_sulfide": Wave(1.0, 0.6, WARMTH, 0.3, 1),
    "gas_lel": Wave(1.0, 0.0, FLAT, 0.6, 1),
    "illuminance": Wave(4.0, 9000.0, WARMTH, 3.0, 0),
    "noise": Wave(42.0, 14.0, HOME, 4.0, 0),
    "wind_speed": Wave(2.5, 2.0, WARMTH, 1.0, 1),
    "rain_rate": Steady(value=0.0),
    "rain": Steady(value=0.0),
    # temperatures of things
    "water_temperature": Wave(26.5, 1.0, WARMTH, 0.2, 1),
    "supply_temperature": Wave(58.0, 6.0, NIGHT, 1.0, 1),
    "return_temperature": Wave(42.0, 4.0, NIGHT, 1.0, 1),
    "coolant_temperature": Wave(32.0, 2.0, WARMTH, 1.0, 1),
    "motor_temperature": Wave(42.0, 12.0, HOME, 2.0, 1),
    "winding_temperature": Wave(55.0, 18.0, HOME, 2.0, 1),
    "joint_temperature": Wave(34.0, 12.0, HOME, 1.5, 1),
    "connector_temperature": Wave(24.0, 14.0, NIGHT, 2.0, 1),
    # electricity
    "power": Wave(350.0, 2800.0, HOME, 120.0, 0),
    "current": Wave(4.0, 12.0, HOME, 0.8, 1),
    "voltage": Wave(230.0, -4.0, HOME, 2.0, 1),
    "frequency": Wave(50.0, 0.0, FLAT, 0.03, 2),
    "power_factor": Wave(0.95, -0.01, HOME, 0.01, 2),
    "residual_current": Wave(28.0, 10.0, HOME, 5.0, 0),
    "load": Wave(28.0, 34.0, HOME, 3.0, 0),
    "dc_voltage": Wave(53.5, 0.0, FLAT, 0.3, 1),
    # water
    "pressure": Wave(0.42, -0.03, HOME, 0.01, 3),
    "inlet_pressure": Wave(0.26, -0.03, HOME, 0.01, 3),
    "outlet_pressure": Wave(0.55, -0.02, HOME, 0.01, 3),
    "level": Wave(2.3, -0.4, HOME, 0.05, 2),
    "fill": Wave(22.0, 30.0, HOME, 4.0, 0),
    "flow": Wave(1.2, 18.0, HOME, 0.8, 2),
    "chlorine": Wave(0.42, 0.0, FLAT, 0.06, 2),
    "ph": Wave(7.4, 0.0, FLAT, 0.08, 2),
    "turbidity": Wave(0.3, 0.1, HOME, 0.05, 2),
    # lifts and machines
    "floor": Stops(HOME),
    "speed": Loaded(RIDING, on=1.6, noise=0.1),
    "levelling_error": Wave(2.0, 0.0, FLAT, 3.0, 0),
    "vibration": Wave(1.2, 0.8, HOME, 0.3, 1),
    "fuel": Wave(82.0, 0.0, FLAT, 1.0, 0),
    "tilt": Wave(1.0, 0.0, FLAT, 1.0, 0),
    "weight": Wave(40.0, 120.0, HOME, 20.0, 0),
    "charging_time": Loaded(CHARGED, on=150.0, noise=60.0),
    # people and places to be
    "occupancy": EXERCISE,
    "queue": Crowd(EVENING, share=0.12, of=20),
    "vehicles": PARKED,
    "free_bays": Free(PARKED),
    "free_boxes": Free(Crowd(DAYTIME, share=0.7, of=80)),
    "lamps_failed": Wave(2.0, 0.0, FLAT, 1.0, 0),
    "shielded_points": Steady(value=0.0),
    "fault_points": Steady(value=0.0),
    "starts_per_hour": Wave(3.0, 3.0, HOME, 1.0, 0),
    "battery": Draining(),
    "battery_voltage": Draining(full=3.6, empty=3.3, digits=2),
    "signal": Wave(-72.0, 0.0, FLAT, 7.0, 0),
    # counters
    "energy": Total(96.0, HOME, 1),
    "volume": Total(64.0, HOME, 2),
    "gas_volume": Total(18.0, HOME, 2),
    "heat": Total(420.0, NIGHT, 0),
    "trips": Total(760.0, HOME, 0),
    "door_cycles": Total(1150.0, HOME, 0),
    "starts": Total(46.0, HOME, 0),
    "run_hours": Total(9.5, HOME, 1),
    "sessions": Total(7.0, NIGHT, 0),
    "people_in": Total(240.0, EVENING, 0),
    "people_out": Total(240.0, EVENING, 0),
    "vehicles_in": Total(380.0, HOME, 0),
    "vehicles_out": Total(380.0, HOME, 0),
    "turned_away": Total(1.2, EVENING, 0),
    "uptime": Total(86_400.0, FLAT, 0),
    "session_energy": Loaded(CHARGED, on=14.0, noise=9.0),
    "meals": Total(180.0, DAYTIME, 0),
    "visits": Total(90.0, DAYTIME, 0),
    # contacts and states
    "door_open": Duty(HOME, share=0.25, cycle=4 * MINUTE),
    "barrier_open": Duty(HOME, share=0.3, cycle=3 * MINUTE),
    "running": PUMPING,
    "moving": RIDING,
    "lit": Duty(DARK, share=0.98, cycle=HOUR),
    "charging": CHARGED,
    "presence": VISITED,
    "bay_occupied": Duty(NIGHT, share=0.85, cycle=5 * HOUR),
    "booked": Duty(EVENING, share=0.7, cycle=2 * HOUR),
    "valve_open": WELL,
    "powered": WELL,
    "auto_mode": WELL,
    "mains_present": WELL,
    "online": WELL,
    "intercom_ok": WELL,
    "service_mode": Steady(value="normal"),
    "direction": Steady(value="none"),
    "fault_code": Steady(value=""),
}
"""Metric -> what it does where the kind of facility says nothing else. What is not named here rests at False."""

OF_KIND: Final[Mapping[tuple[str, str], Signal]] = {
    ("lift", "temperature"): Wave(24.0, 6.0, WARMTH, 0.6, 1),
    ("lift", "door_open"): Duty(HOME, share=0.3, cycle=2 * MINUTE),
    ("sump", "running"): DRAINING,
    ("sump", "current"): Loaded(DRAINING, on=6.2, noise=0.3),
    ("sump", "level"): Wave(0.55, 0.0, FLAT, 0.15, 2),
    ("pump_room", "current"): Loaded(PUMPING, on=14.5, noise=0.6),
    ("pump_room", "door_open"): AT_REST,
    ("pump_room", "fill"): Wave(80.0, -18.0, HOME, 3.0, 0),
    ("fire_water", "fill"): Wave(95.0, 0.0, FLAT, 1.0, 0),
    ("power_room", "dc_voltage"): Wave(222.0, 0.0, FLAT, 1.0, 1),
    ("ebike_shed", "residual_current"): Wave(12.0, 5.0, NIGHT, 3.0, 0),
    ("canteen", "temperature"): Wave(4.0, 1.2, DAYTIME, 0.5, 1),
    ("power_room", "temperature"): Wave(26.0, 5.0, WARMTH, 0.5, 1),
    ("power_room", "door_open"): AT_REST,
    ("power_room", "current"): Wave(160.0, 240.0, HOME, 12.0, 1),
    ("power_room", "power"): Wave(90_000.0, 150_000.0, HOME, 6000.0, 0),
    ("power_room", "energy"): Total(4200.0, HOME, 1),
    ("generator", "running"): AT_REST,
    ("generator", "dc_voltage"): Wave(26.4, 0.0, FLAT, 0.2, 1),
    ("ups_room", "temperature"): Wave(23.0, 2.0, WARMTH, 0.5, 1),
    ("low_voltage_room", "temperature"): Wave(23.0, 2.0, WARMTH, 0.5, 1),
    ("fire_water", "running"): AT_REST,
    ("fire_water", "level"): Wave(3.2, 0.0, FLAT, 0.03, 2),
    ("fire_door", "door_open"): AT_REST,
    ("pool", "temperature"): Wave(27.0, 1.0, WARMTH, 0.3, 1),
    ("pool", "chlorine"): Wave(0.6, 0.0, FLAT, 0.08, 2),
    ("pool", "turbidity"): Wave(0.4, 0.1, EVENING, 0.05, 2),
    ("gym", "presence"): VISITED,
    ("gym", "door_open"): Duty(EVENING, share=0.2, cycle=6 * MINUTE),
    ("access_door", "door_open"): Duty(HOME, share=0.12, cycle=2 * MINUTE),
    ("garage_air", "running"): Duty(HOME, share=0.5, cycle=30 * MINUTE),
    ("ev_charging", "power"): Loaded(CHARGED, on=6600.0, noise=200.0),
    ("ev_charging", "current"): Loaded(CHARGED, on=30.0, noise=1.0),
    ("ebike_shed", "power"): Loaded(CHARGED, on=140.0, noise=30.0),
    ("ebike_shed", "occupancy"): Crowd(NIGHT, share=0.8, of=40),
    ("ebike_shed", "vehicles"): Crowd(NIGHT, share=0.8, of=40),
    ("lighting", "current"): Loaded(Duty(DARK, share=0.98, cycle=HOUR), on=8.0, noise=0.2),
    ("laundry", "running"): Duty(EVENING, share=0.7, cycle=50 * MINUTE),
    ("laundry", "power"): Loaded(Duty(EVENING, share=0.7, cycle=50 * MINUTE), on=900.0, off=4.0, noise=200.0),
}


def signal_for(kind: str, metric: str) -> Signal:
    """The usual signal of a metric in this kind of facility; a contact at rest where the table knows nothing."""
    return OF_KIND.get((kind, metric)) or USUAL.get(metric, AT_REST)
