"""The makers' grammars: no bytes make a codec raise, and the tables they are written in are sound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.lorawan import cayenne, decentlab, elsys, milesight
from devices.lorawan.codecs import Codec, choose
from devices.lorawan.fields import find, table_of, tables
from devices.lorawan.formula import BadFormula, parse
from devices.lorawan.layout import Frame, Trouble, layout
from devices.units import convert
from devices.words import SWITCHES, TEXTS, UNIT_OF

DECENTLAB = sorted(decentlab.models())
MILESIGHT = sorted(milesight.models())


def codec(said: str) -> Codec:
    found = choose(said, "")
    assert isinstance(found, Codec)
    return found


def leaves(found: Any) -> Iterator[Any]:
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list):
        for each in found:
            yield from leaves(each)
    else:
        yield found


def assert_plain(frame: Frame) -> None:
    assert all(isinstance(leaf, (float, int, str)) for leaf in leaves(frame.values))
    assert all(
        math.isfinite(leaf) or isinstance(leaf, float) for leaf in leaves(frame.values) if not isinstance(leaf, str)
    )
    assert frame.trouble is None or (frame.trouble.reason.isidentifier() and ": " in frame.trouble.detail)


@given(st.binary(max_size=80), st.integers(0, 255))
def test_any_bytes_are_cayenne_or_are_not(payload: bytes, port: int) -> None:
    assert_plain(cayenne.read(payload))
    assert_plain(elsys.read(payload, port))


@given(st.sampled_from(MILESIGHT), st.binary(max_size=80), st.data())
def test_any_bytes_are_milesight_or_are_not(name: str, payload: bytes, data: st.DataObject) -> None:
    model = milesight.models()[name]
    assert_plain(milesight.read(payload, model))
    tags = data.draw(st.lists(st.sampled_from(sorted(model.channels)), max_size=4))
    frame = b"".join(tag.to_bytes(2, "big") + payload[: model.channels[tag].shape.size] for tag in tags)
    assert_plain(milesight.read(frame, model))


@given(st.sampled_from(DECENTLAB), st.binary(max_size=80), st.integers(0, 65535))
def test_any_bytes_are_decentlab_or_are_not(name: str, payload: bytes, flags: int) -> None:
    ordered = decentlab.Ordered(decentlab.models()[name], {})
    assert_plain(decentlab.read(payload, ordered))
    assert_plain(decentlab.read(b"\x02\x00\x01" + flags.to_bytes(2, "big") + payload, ordered))


@pytest.mark.parametrize("name", DECENTLAB)
def test_every_value_of_every_decentlab_model_can_be_computed(name: str) -> None:
    model = decentlab.models()[name]
    assert all(len(numbers) == len(model.parameters) for numbers in model.orders.values())
    ordered = decentlab.Ordered(model, dict.fromkeys(model.parameters, 2.5))
    count = len(model.sensors)
    words = b"\x90\x00\x00\x81" * 40  # words of some size, doubles within the bridge's range
    head = b"\x02\x00\x07" + ((1 << count) - 1).to_bytes(2, "big")
    frame = decentlab.read(head + words[: 2 * sum(sensor.words for sensor in model.sensors)], ordered)
    assert frame.trouble is None
    wanted = {value.name for sensor in model.sensors for value in sensor.values if not value.name.startswith("_")}
    assert frame.values.keys() == wanted | {"device_id"}


def test_a_double_word_of_no_thermistor_is_no_reading() -> None:
    ordered = decentlab.find("dl-blg")
    assert ordered is not None
    frame = decentlab.read(bytes.fromhex("0230c50003 0000 0090 0c60"), ordered)
    assert "temperature" not in frame.values
    assert frame.values["battery_voltage"]["value"] == pytest.approx(3.168)


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("decentlab dl-5tm", "dl-5tm", {}),
        ("dl-pr36-8192", "dl-pr36", {"kp": 8192.0}),
        ("decentlab dl-pr36ctd kp=8192 kec=1024.5", "dl-pr36ctd", {"kp": 8192.0, "kec": 1024.5}),
        ("dl-pr21 pmin=-1 pmax=10 kp=3", "dl-pr21", {"pmin": -1.0, "pmax": 10.0}),
        ("decentlab dl-dws f02=232263168 s=0.000302459 m0=1.37e3", "dl-dws", {"f02": 232263168.0, "s": 0.000302459}),
        ("decentlab dl-pr36-4096", "dl-pr36", {}),
        ("decentlab dl-pr3", "", {}),
    ],
)
def test_a_text_names_a_decentlab_model_with_its_parameters(text: str, name: str, parameters: dict[str, float]) -> None:
    found = decentlab.find(text)
    assert (found.model.name if found else "") == name
    if found is not None:
        assert parameters.items() <= dict(found.parameters).items()
        assert found.parameters.keys() <= set(found.model.parameters)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("milesight am307", "am307"),
        ("milesight-iot em300-sld-zld", "em300-sld-zld"),
        ("milesight em300-th-868m", "em300-th"),
        ("milesight em300 th", "em300-th"),
        ("milesight em500_pt100", "em500-pt100"),
        ("milesight am3070", ""),
        ("milesight", ""),
    ],
)
def test_a_text_names_a_milesight_model(text: str, name: str) -> None:
    assert milesight.find(text).name == name


def test_a_milesight_of_an_unknown_model_says_what_all_have_and_asks_for_the_model() -> None:
    frame = codec("milesight").read(bytes.fromhex("01755c03673401"), 85)
    assert frame.values == {"battery": 92.0}
    assert frame.trouble is not None
    assert frame.trouble.reason == "model_missing"


@pytest.mark.parametrize(
    ("said", "hexadecimal", "values"),
    [
        # Milesight's user guides
        ("milesight am307", "01755C03673401046865", {"battery": 92, "temperature": 30.8, "humidity": 50.5}),
        ("milesight vs133", "0FE302100709", {f"region_{n}_count": c for n, c in enumerate((2, 16, 7, 9), 1)}),
        ("milesight ws302", "017564055b053f02da016a02", {"battery": 100, "laf": 57.5, "laeq": 47.4, "lafmax": 61.8}),
        ("milesight ct101", "049810270967fdff", {"current": 100.0}),  # 0xFFFD: out of range
        ("milesight vs350", "04cc01000200 84cc0300040001", {"total_in": 3, "total_out": 4}),
        ("milesight am107", "077DE704087D070009733F27", {"co2": 1255, "tvoc_ppb": 7, "barometric_pressure": 1004.7}),
        (
            "milesight em400-udl",
            "0175640367f80004820101050001",
            {"battery": 100, "temperature": 24.8, "distance": 257, "position": "tilt"},
        ),
        ("milesight em300-sld", "FF035802", {"report_interval": 600}),
        # ELSYS's list of types
        (
            "elsys",
            "0100E202290400270506060308",
            {"temperature": 22.6, "humidity": 41, "light": 39, "motion": 6, "co2": 776},
        ),
        ("elsys", "1900641900C8", {"external_temperature2": [10.0, 20.0]}),
        ("elsys", "13" + "00" * 65 + "1200", {"waterleak": 0}),
        ("elsys", "02373e0102", {"humidity": 55}),
        # Cayenne's description
        ("cayenne", "03670110056700FF", {"temperature_3": 27.2, "temperature_5": 25.5}),
        ("cayenne", "067104D2FB2E0000", {"accelerometer_6": {"x": 1.234, "y": -1.234, "z": 0.0}}),
        (
            "cayenne",
            "018806765FF2960A0003E8",
            {"gps_1": {"latitude": 42.3519, "longitude": -87.9094, "altitude": 10.0}},
        ),
    ],
)
def test_the_makers_own_examples_read_as_they_say(said: str, hexadecimal: str, values: dict[str, Any]) -> None:
    frame = codec(said).read(bytes.fromhex(hexadecimal), 85)
    assert {key: pytest.approx(value) for key, value in values.items()} == frame.values


def test_answers_to_settings_are_passed_over_in_silence() -> None:
    assert elsys.read(b"\x01\x02\x03", 6) == Frame({})
    assert codec("milesight em300-th").read(bytes.fromhex("01755cfeab0102"), 85) == Frame({"battery": 92.0})


@pytest.mark.parametrize(
    ("said", "described", "reason"),
    [
        ("", "", "no_codec"),
        ("", "class a eu868", "no_codec"),
        ("elsius", "elsys ers", "unknown_codec"),
        ("", "decentlab soil", "model_missing"),
    ],
)
def test_what_no_codec_is_known_for_is_said(said: str, described: str, reason: str) -> None:
    found = choose(said, described)
    assert isinstance(found, Trouble)
    assert found.reason == reason


@pytest.mark.parametrize(
    "text", ["__import__('os')", "w0.real", "[w0]", "w0 if w0 else 1", "'a' * 9", "log", "w0 %", "w0 // 2", "f(w0)"]
)
def test_a_formula_is_arithmetic_and_no_more(text: str) -> None:
    with pytest.raises(BadFormula):
        parse(text)(  # what parses as a name fails when it is looked up
            _Nothing()
        )


class _Nothing(dict[str, float]):
    def __missing__(self, key: str) -> float:
        raise BadFormula(key)


@pytest.mark.parametrize("text", ["temperature", "temperature:i16/", "t:u16 x", "t:q8", "t:u16?"])
def test_a_layout_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="in a table of layouts"):
        layout(text)


def rows() -> Iterator[Any]:
    found = tables()
    for words, table in ((("any",), found.any), (("normalized",), found.normalized), *found.by_words):
        for key, row in table.rows.items():
            yield pytest.param(row, id=f"{' '.join(words)}: {key}")


@pytest.mark.parametrize("row", list(rows()))
def test_every_row_of_the_table_of_fields_leads_somewhere(row: Any) -> None:
    if row.metric in UNIT_OF:
        assert not row.unit or convert(1.0, row.unit, UNIT_OF[row.metric]) is not None
        assert row.words is None
    elif row.metric:
        assert row.metric in SWITCHES | TEXTS
        assert not row.unit
    assert row.name not in UNIT_OF.keys() | SWITCHES | TEXTS
    assert row.about in {"", "maker", "model", "firmware", "serial", "interval_s"}


@pytest.mark.parametrize(
    ("described", "path", "key", "point"),
    [
        ("", "", "temperature", "temperature"),
        ("", "", "airTemperature", "temperature"),
        ("", "", "temperature_2", "ch2.temperature"),
        ("", "", "temperatureChannel2", "ch2.temperature"),
        ("", "", "externalTemperature2", "external2.temperature"),
        ("elsys", "", "externalTemperature2_1", "external2_1.temperature"),
        ("decentlab", "", "soil_temperature_at_depth_3", "depth3.temperature"),
        ("", "", "ch0_temperature", "ch0.temperature"),
        ("milesight vs133", "", "line_1_total_in", "line1.people_in"),
        ("milesight vs133", "line_2", "total_in", "line2.people_in"),
        ("milesight vs133", "", "region_3_count", "region3.occupancy"),
        ("vutility", "", "maxCurrentL3", "max_l3.current"),
        ("milesight em500-pp", "", "pressure", "pressure"),
        ("milesight am307", "", "pressure", "air_pressure"),
        ("milesight ws523", "", "current", "current"),
        ("", "measurements", "temperature", "temperature"),
        ("", "kitchen_sink.status", "temperature", "kitchen_sink.temperature"),
        ("", "", "pm2.5", "pm25"),
        ("", "", "o3", None),
        ("", "", "voltage", None),
        ("", "", "x" * 200, None),
    ],
)
def test_a_key_is_found_with_its_place(described: str, path: str, key: str, point: str | None) -> None:
    found = find(table_of(described), path, key)
    name = None if found is None else f"{found.channel}.{found.row.metric}" if found.channel else found.row.metric
    assert name == point
