"""Payloads that two foreign encoders wrote, against what they were told to write; nothing of them is in this repository."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.contract import Decoded, Message
from devices.conversation import Conversation
from devices.formats.sparkplug import SparkplugFormat
from devices.formats.sparkplug_heard import REBIRTH
from devices.formats.sparkplug_host import read_state
from devices.formats.sparkplug_payload import (
    SET,
    SETS,
    Metric,
    Payload,
    Property,
    read_data_set,
    read_metadata,
    read_payload,
    read_properties,
    read_property_sets,
    read_template,
    write_switch,
)
from devices.formats.sparkplug_tables import MOST_ITEMS
from devices.formats.sparkplug_topics import node_key, table_key
from devices.formats.sparkplug_values import BOOLEAN, FAMILY, NUMBERS, name_of, read_value

Case = dict[str, Any]
EXCEPTIONS = {
    "pysparkplug/StringArray/empty": "an empty array is written as the bytes of an array of one empty text",
    "pysparkplug/run aliases, no datatype in data/11 DDATA": "neither name nor datatype is on the wire or in a birth",
}
"""Cases that cannot be read back as they were told, by the vectors' own word; what is left of them is compared."""


WORDS = ("String", "Text", "UUID")


@pytest.fixture(scope="module")
def cases(foreign_data: Path) -> list[Case]:
    path = foreign_data / "vectors" / "sparkplug" / "cases.json"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    found: list[Case] = json.loads(path.read_text(encoding="utf-8"))
    return found


# --- the values as the vectors write them ---------------------------------------------------------------------


def number(value: Any) -> Any:
    """NaN and infinities are words there."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def rounded(value: Any, datatype: str) -> Any:
    """A Float as 32 bits hold it, in arrays too."""
    if isinstance(value, list):
        return [rounded(each, datatype.removesuffix("Array")) for each in value]
    if datatype == "Float" and isinstance(value, (int, float)):
        return struct.unpack("<f", struct.pack("<f", value))[0]
    return value


def shown_value(kind: str, raw: Any, datatype: int) -> Any:
    if datatype == NUMBERS["DataSet"] and raw is not None:
        table = read_data_set(raw, 1_000)
        cells = [
            [number(read_value(*cell, sort)) for cell, sort in zip(row, table.types, strict=True)] for row in table.rows
        ]
        return {"columns": table.columns, "types": [name_of(sort) for sort in table.types], "rows": cells}
    if datatype == NUMBERS["Template"] and raw is not None:
        found = read_template(raw)
        return {
            "version": found.version,
            "template_ref": found.template_ref,
            "is_definition": found.is_definition,
            "metrics": [shown(each, {}, {}) for each in found.metrics],
            "parameters": [
                {
                    "name": each.name,
                    "datatype": name_of(each.datatype),
                    "value": number(read_value(each.kind, each.value, each.datatype)),
                }
                for each in found.parameters
            ],
        }
    value = read_value(kind, raw, datatype)
    if isinstance(value, bytes):
        return value.hex()
    return [number(each) for each in value] if isinstance(value, list) else number(value)


def shown_properties(found: dict[str, Property]) -> Case:
    return {key: shown_property(each) for key, each in found.items()}


def shown_property(found: Property) -> Case:
    value: Any
    if found.kind == SET:
        value = shown_properties(read_properties(found.value))
    elif found.kind == SETS:
        value = [shown_properties(each) for each in read_property_sets(found.value)]
    else:
        value = number(read_value(found.kind, found.value, found.datatype))
    return {"datatype": name_of(found.datatype), "value": None if found.is_null else value, "is_null": found.is_null}


def shown(metric: Metric, aliases: dict[str, str], names: dict[str, Any]) -> Case:
    name = metric.name if metric.name is not None else aliases.get(str(metric.alias))
    datatype = metric.datatype or names.get(name or "", [0])[0]
    case: Case = {
        "name": name,
        "alias": metric.alias,
        "datatype": name_of(datatype) if datatype else None,
        "value": None if metric.is_null else shown_value(metric.kind, metric.value, datatype),
        "timestamp": metric.timestamp,
        "is_null": metric.is_null,
        "is_historical": metric.is_historical,
        "is_transient": metric.is_transient,
    }
    if metric.metadata is not None:
        case["metadata"] = read_metadata(metric.metadata)
    if metric.properties is not None:
        case["properties"] = shown_properties(read_properties(metric.properties))
    return case


def told(expected: Case) -> Case:
    """An expected metric, rounded as the wire rounds, at every depth."""
    case = {key: value for key, value in expected.items() if key != "not_on_wire"}
    value = case.get("value")
    if case["datatype"] == "Template" and value is not None:
        members, parameters = ([told(each) for each in value[key]] for key in ("metrics", "parameters"))
        case["value"] = value | {"metrics": members, "parameters": parameters}
    elif case["datatype"] == "DataSet" and value is not None:
        rows = [[rounded(cell, sort) for cell, sort in zip(row, value["types"], strict=True)] for row in value["rows"]]
        case["value"] = value | {"rows": rows}
    else:
        case["value"] = rounded(value, case["datatype"])
    if "properties" in case:
        case["properties"] = {key: told_property(each) for key, each in case["properties"].items()}
    return case


def told_property(expected: Case) -> Case:
    value = expected["value"]
    if isinstance(value, dict):
        return expected | {"value": {key: told_property(each) for key, each in value.items()}}
    if isinstance(value, list):
        return expected | {"value": [{key: told_property(each) for key, each in one.items()} for one in value]}
    return expected | {"value": rounded(value, expected["datatype"])}


# --- the wire -------------------------------------------------------------------------------------------------


def taught(case: Case, by_id: dict[str, Case]) -> tuple[dict[str, str], dict[str, Any]]:
    """Aliases and names from the births that the case asks for, as the format learned them."""
    conversation = Conversation(SparkplugFormat(), "c")
    aliases: dict[str, str] = {}
    names: dict[str, Any] = {}
    for each in case.get("birth", []):
        conversation.hear(message(by_id[each]))
    for key, value in conversation.state.items():
        if key.startswith("table "):
            aliases |= value["aliases"]
            names |= value["names"]
    return aliases, names


def message(case: Case, topic: str = "") -> Message:
    return Message(topic or case["topic"], bytes.fromhex(case["hex"]), received_at=case["expected"]["timestamp"] or 0)


def test_every_payload_reads_as_it_was_told(cases: list[Case]) -> None:
    by_id = {case["id"]: case for case in cases}
    read, odd = 0, []
    for case in cases:
        expected, data = case["expected"], bytes.fromhex(case["hex"])
        if case["message"] == "STATE":
            said = read_state(data)
            assert said is not None
            assert (said.online, said.timestamp) == (expected["online"], expected["timestamp"])
            read += 1
            continue
        found = read_payload(data, 1 << 20)
        assert not found.bad
        aliases, names = taught(case, by_id)
        assert (found.timestamp, found.seq) == (expected["timestamp"], expected["seq"]), case["id"]
        assert found.uuid == expected.get("uuid")
        assert (found.body.hex() if found.body is not None else None) == expected.get("body")
        metrics = [shown(each, aliases, names) for each in found.metrics]
        wanted = [told(each) for each in expected["metrics"]]
        for mine, theirs, original in zip(metrics, wanted, expected["metrics"], strict=True):
            if "datatype" in original.get("not_on_wire", ()) and not case.get("birth"):
                mine["datatype"] = theirs["datatype"]  # it is nowhere; the value shows by its field
        if metrics != wanted:
            odd.append(case["id"])
        read += 1
    assert read == len(cases)
    assert set(odd) == set(EXCEPTIONS)
    assert len(EXCEPTIONS) <= len(cases) / 50


def test_an_empty_array_of_texts_reads_as_one_empty_text(cases: list[Case]) -> None:
    [case] = [each for each in cases if each["id"] == "pysparkplug/StringArray/empty"]
    [metric] = read_payload(bytes.fromhex(case["hex"]), 1 << 20).metrics
    assert read_value(metric.kind, metric.value, metric.datatype) in ([], [""])


def test_the_command_for_a_rebirth_is_byte_for_byte_that_of_others(cases: list[Case]) -> None:
    found = 0
    for case in cases:
        if case["id"].endswith("/command/NCMD rebirth"):
            [metric] = case["expected"]["metrics"]
            mine = write_switch(REBIRTH, metric["timestamp"], sent_at=case["expected"]["timestamp"])
            assert mine.hex() == case["hex"], case["id"]
            found += 1
    assert found == 2


# --- through the format ---------------------------------------------------------------------------------------


def flat(metrics: list[Case], folder: str = "") -> Iterator[tuple[str, Case]]:
    for each in metrics:
        name = f"{folder}/{each['name']}" if folder else each["name"]
        value = each["value"]
        if each["datatype"] == "Template" and value is not None:
            if not value["is_definition"]:
                members = [
                    member | {"timestamp": member["timestamp"] or each["timestamp"]} for member in value["metrics"]
                ]
                yield from flat(members, name)
        elif each["datatype"] == "DataSet" and value is not None:
            yield from cells(each, name)
        elif each["datatype"].endswith("Array") and value is not None and len(value) <= MOST_ITEMS:
            for number, item in enumerate(value):
                yield f"{name}/{number}", each | {"datatype": each["datatype"].removesuffix("Array"), "value": item}
        else:
            yield name, each


def cells(table: Case, folder: str) -> Iterator[tuple[str, Case]]:
    """A table's columns of each row, or of each row that its first text names; nothing where two rows look the same."""
    types, rows = table["value"]["types"], table["value"]["rows"]
    keys: list[int] = [types.index("DateTime")] if "DateTime" in types else []
    if not keys and len(rows) > 1:
        keys = [types.index("String")] if "String" in types else []
    told_apart = {str([row[key] for key in keys]) for row in rows}
    if len(told_apart) < len(rows) or any(row[key] in (None, "") for row in rows for key in keys):
        return
    newest = max((row[keys[0]] for row in rows if "DateTime" in types), default=None)
    for row in rows:
        common = {"is_null": False, "is_transient": False, "timestamp": table["timestamp"], "is_historical": False}
        if newest is not None:
            common |= {"timestamp": row[keys[0]], "is_historical": row[keys[0]] != newest}
        named = "" if newest is not None or not keys else f"/{row[keys[0]]}"
        for index, column in enumerate(table["value"]["columns"]):
            if index not in keys:
                cell = {"datatype": types[index], "value": row[index], **common}
                yield f"{folder}{named}/{column}", cell


def readings_of(expected: Case) -> list[tuple[Any, ...]]:
    """What a hub should store of a message: nothing null, transient, not finite, empty or nested."""
    found = []
    for name, each in flat(expected["metrics"]):
        value = rounded(each["value"], each["datatype"])
        if NUMBERS[each["datatype"]] not in FAMILY or each["is_null"] or each["is_transient"] or value in (None, ""):
            continue
        if name is None or name == "bdSeq" or name.startswith("Node Control/"):
            continue
        if NUMBERS[each["datatype"]] == BOOLEAN or isinstance(value, str):
            if value in ("NaN", "Infinity", "-Infinity") and each["datatype"] in ("Float", "Double"):
                continue
        else:
            value = float(value)
        time = expected["timestamp"] if each["timestamp"] is None else each["timestamp"]
        found.append((time, each["is_historical"], name, value))
    return sorted(found, key=str)


def named(said: Decoded, conversation: Conversation) -> list[tuple[Any, ...]]:
    """The readings under the names of the metrics, as the last birth of the speaker has them."""
    names = {
        entry[1]: name
        for sample in said.samples
        for name, entry in conversation.state[table_key(sample.device.id)]["names"].items()
    }
    found = [
        (each.time, each.told_again, names[point], value)
        for each in said.samples
        for point, value in each.values.items()
    ]
    return sorted(found, key=str)


def refused(metric: Case) -> str:
    """Why the hub does not store it, though it was read."""
    value = metric["value"] if metric["datatype"] in WORDS else None
    if not metric["name"]:
        return "bad_name"
    if value is not None and len(value) > 500:
        return "text_too_long"
    return "bad_text" if value is not None and "\0" in value else ""


def test_every_message_becomes_the_readings_that_were_told(cases: list[Case]) -> None:
    """Each payload is its own birth first, where it names its metrics itself; then it is data."""
    tried = 0
    for case in cases:
        metrics = case["expected"].get("metrics")
        if not metrics or any("name" in each.get("not_on_wire", ()) or each["name"] is None for each in metrics):
            continue
        if any("datatype" in each.get("not_on_wire", ()) for each in metrics):
            continue
        if any("properties" in each and "engUnit" in each["properties"] for each in metrics):
            continue  # whose readings go under their metric: the worked examples have it
        conversation = Conversation(SparkplugFormat(), "c")
        assert conversation.hear(message(case, "spBv1.0/g/NBIRTH/n")) is not None
        said = conversation.hear(message(case, "spBv1.0/g/NDATA/n"))
        assert said is not None
        assert [each.reason for each in said.problems] == [reason for each in metrics if (reason := refused(each))]
        if not said.problems:
            assert named(said, conversation) == readings_of(case["expected"]), case["id"]
        tried += 1
    assert tried > 350


@pytest.fixture(scope="module")
def runs(cases: list[Case]) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in cases:
        if "run" in case:
            found.setdefault(case["run"], []).append(case)
    return {name: sorted(steps, key=lambda case: case["step"]) for name, steps in found.items()}


def heard(steps: list[Case]) -> tuple[Conversation, dict[int, Decoded]]:
    """Hear a run, and find of every message but those of an unknown alias the readings that were told."""
    conversation, said = Conversation(SparkplugFormat(), "c"), {}
    for case in steps:
        answer = conversation.hear(message(case))
        assert answer is not None
        said[case["step"]] = answer
        if not answer.problems:
            assert named(answer, conversation) == readings_of(case["expected"]), case["id"]
    return conversation, said


def spoken(said: Decoded) -> list[tuple[str, bool | None]]:
    return [(each.device.id, each.online) for each in said.statements]


@pytest.mark.parametrize(
    "run", ["pysparkplug/aliases", "pysparkplug/aliases, no datatype in data", "sparkplug-payload/aliases"]
)
def test_a_run_with_aliases(runs: dict[str, list[Case]], run: str) -> None:
    conversation, said = heard(runs[run])
    node, first, second = "plant 1/gateway a", "plant 1/gateway a/ahu-1", "plant 1/gateway a/ahu-2"
    for case in runs[run]:
        answer = said[case["step"]]
        if case["step"] == 11:
            assert [(each.reason, each.whole) for each in answer.problems] == [("unknown_alias", True)]
            assert answer.samples == ()
            assert [(each.topic, each.key) for each in answer.requests] == [
                ("spBv1.0/Plant 1/NCMD/Gateway A", f"sparkplug rebirth {node}")
            ]
            continue
        assert answer.problems == (), case["id"]
        assert answer.requests == (), case["id"]
    assert {step: spoken(each) for step, each in said.items() if each.statements} == {
        1: [(node, True)],
        2: [(first, True)],
        3: [(second, True)],
        12: [(second, False)],
        13: [(node, True)],
        14: [(first, True)],
        17: [(node, False), (first, False), (second, False)],
    }
    assert {
        step: [each.name for each in answer.announcements] for step, answer in said.items() if answer.announcements
    } == {
        1: ["Gateway A"],
        2: ["AHU-1"],
        3: ["AHU-2"],
        13: ["Gateway A"],
        14: ["AHU-1"],
    }
    via = said[2].announcements[0].via
    assert via is not None
    assert via.id == node
    assert conversation.state[table_key(first)]["aliases"] == {"50": "temperature", "51": "offset"}
    assert conversation.state[node_key(node)]["life"] == "off"


def test_the_run_of_an_edge_node_that_ends_with_the_number_of_its_next_session(runs: dict[str, list[Case]]) -> None:
    """Step 10 is that encoder's own slip: a clean end under the bdSeq of the session to come. It is asked, not believed."""
    steps = [case for case in runs["pysparkplug/edge node"] if not case.get("will")]
    _, said = heard(steps)
    node, chiller = "site 1/edge-7", "site 1/edge-7/chiller 1"
    assert all(answer.problems == () for answer in said.values())
    assert {step: spoken(each) for step, each in said.items() if each.statements} == {
        2: [(node, True)],
        3: [(chiller, True)],
        7: [("site 1/edge-7/chiller 2", True)],
        8: [("site 1/edge-7/chiller 2", False)],
        12: [(node, True)],
        13: [(chiller, True)],
    }
    assert [step for step, each in said.items() if each.requests] == [10]


@pytest.mark.parametrize("run", ["pysparkplug/seq wrap", "sparkplug-payload/seq wrap"])
def test_seq_goes_round_without_a_hole(runs: dict[str, list[Case]], run: str) -> None:
    conversation = Conversation(SparkplugFormat(), "c")
    first = runs[run][0]
    conversation.hear(message(first, "spBv1.0/Plant 1/NBIRTH/Gateway A"))
    for case in runs[run][1:]:
        answer = conversation.hear(message(case))
        assert answer is not None
        assert answer.requests == ()
        assert answer.problems == ()
        assert named(answer, conversation) == readings_of(case["expected"])


def test_before_any_birth_everything_waits_and_the_node_is_asked(cases: list[Case]) -> None:
    for case in cases:
        if case["message"] not in ("NDATA", "DDATA"):
            continue
        kind = case["message"]
        topic = f"spBv1.0/g/{kind}/n" + ("/d" if kind == "DDATA" else "")
        said = Conversation(SparkplugFormat(), "c").hear(message(case, topic))
        assert said is not None
        assert [(each.reason, each.whole) for each in said.problems] == [("before_birth", True)], case["id"]
        assert (said.samples, said.changes) == ((), ())
        assert [each.topic for each in said.requests] == ["spBv1.0/g/NCMD/n"]


def test_any_cut_of_any_payload_is_read_or_refused(cases: list[Case]) -> None:
    wire_format = SparkplugFormat()
    for case in cases:
        data, kind = bytes.fromhex(case["hex"]), case["message"]
        topic = f"spBv1.0/g/{kind}/n" + ("/d" if kind.startswith("D") else "") if kind != "STATE" else case["topic"]
        route = wire_format.route(topic, "c")
        for end in range(len(data)):
            said = wire_format.decode(route, Message(topic, data[:end], 0))  # type: ignore[arg-type] # the format's own
            assert isinstance(said, Decoded)


def test_the_payload_type_is_what_it_says() -> None:
    assert Payload().metrics == []
