"""Every mistake in a profile file is named with file, key and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

import devices.formats
from devices.formats import UnknownFormat
from devices.profiles import BadProfile

GOOD = """
name = "mine"
title = { zh = "我的", en = "Mine" }
device = { scheme = "mine", id = "{device}" }
time = "t"
points = { skip = ["t"] }
[metrics]
temp = "temperature"
[[message]]
topic = "mine/{device}/data"
"""


def mistakes(folder: Path, text: str, name: str = "mine") -> str:
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadProfile) as caught:
        devices.formats.make(name, profiles=folder)
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_the_profile_that_the_mistakes_are_made_in_is_good(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD, encoding="utf-8")
    assert devices.formats.make("mine", profiles=tmp_path).filters == ("mine/+/data",)


@pytest.mark.parametrize(
    ("old", "new", "where", "right"),
    [
        ('time = "t"', "time = 5", "time", "expected"),
        ('time = "t"', 'tme = "t"', "top", "unknown field 'tme'"),
        (
            'time = "t"',
            'time = { path = "t", format = "minutes" }',
            "time.format",
            "'minutes': one of auto, s, ms, us, ns, iso, local is right",
        ),
        ('time = "t"', 'time = { path = "t", format = "local" }', "message[0].time", 'set zone = "+08:00"'),
        ('time = "t"', 'time = { path = "t", zone = "Beijing" }', "message[0].time.zone", 'write "+08:00"'),
        ('time = "t"', 'time = "a..b"', "message[0].time", "unexpected"),
        ('time = "t"', 'time = "list[]"', "message[0].time", "name one item: [0] or [#]"),
        (
            'id = "{device}"',
            'id = "{devise}"',
            "message[0].device.id",
            "{devise} is no name of the topic or a walk; there is: device",
        ),
        ('id = "{device}"', 'id = "{device"', "message[0].device.id", "braces come in pairs"),
        ('scheme = "mine"', 'scheme = "MAC"', "message[0].device.scheme", "use a lower-case word like 'mac'"),
        ('temp = "temperature"', 'temp = "temprature"', "metrics.temp", "'temprature' is no metric of the hub"),
        (
            'temp = "temperature"',
            'temp = { metric = "temperature", unit = "hot" }',
            "metrics.temp.unit",
            "no known unit",
        ),
        (
            'temp = "temperature"',
            'temp = { metric = "temperature", unit = "kg" }',
            "metrics.temp.unit",
            "name a unit of temperature",
        ),
        ('temp = "temperature"', "temp = {}", "metrics.temp", "name a metric, or skip = true"),
        (
            'temp = "temperature"',
            'd = { metric = "leak", words = { wet = "yes" } }',
            "metrics.d.words.wet",
            "leak is true or false",
        ),
        (
            'temp = "temperature"',
            '"s{n}" = { metric = "power", channel = "s{m}" }',
            "metrics.s{n}.channel",
            "{m} is no part of the key",
        ),
        ('temp = "temperature"', '"{a}{a}" = "power"', "metrics.{a}{a}", "use a word of its own for each part"),
        ('"mine/{device}/data"', '"{device}"', "filters", "takes everything there is"),
        ('"mine/{device}/data"', '"mine/{device}/#"', "message[0].topic", "is no plain text"),
        ('"mine/{device}/data"', '"mine/{device#}/data"', "message[0].topic", "put it at the end"),
        ('points = { skip = ["t"] }', 'points = { at = "^.x" }', "message[0].points.at", "a walk goes down only"),
        ('points = { skip = ["t"] }', 'points = { doubt = "x" }', "points.doubt", "no faults have the memory 'x'"),
        (
            'points = { skip = ["t"] }',
            'faults = { code = "1", memory = "model" }',
            "faults.memory",
            "choose another name",
        ),
        (
            'points = { skip = ["t"] }',
            'faults = { code = "1", memory = "a", active = true }',
            "message[0].faults.memory",
            "leave out",
        ),
        (
            'points = { skip = ["t"] }',
            'status = { online = ["1"] }',
            "message[0].status",
            "name the words of `online` and `offline`",
        ),
        ('points = { skip = ["t"] }', 'suffixes = { _x = "furlong" }', "suffixes._x", "no known unit"),
        ('points = { skip = ["t"] }', 'unpack = [{ path = "a[]" }]', "unpack.path", "name one field"),
        ('points = { skip = ["t"] }', 'filters = ["#"]', "filters", "takes everything there is"),
        ('en = "Mine"', 'en = " "', "title.en", "a name that people can read"),
        ('name = "mine"', 'name = "other"', "name is 'other'", "named like its file, 'mine'"),
        ('name = "mine"', 'name = "mine"\nextends = "nobody"', "extends 'nobody'", "use one of"),
        ('name = "mine"', 'name = "mine"\nextends = "mine"', "extends 'mine'", "does not exist"),
        ('name = "mine"', "name = ", "is no TOML", "mine.toml"),
        ('device = { scheme = "mine", id = "{device}" }', "", "message[0].device", "say who speaks"),
        ('[[message]]\ntopic = "mine/{device}/data"', "", "top", "missing required field 'message'"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, where: str, right: str) -> None:
    told = mistakes(tmp_path, changed(old, new))
    assert "profile mine.toml: " in told
    assert where in told
    assert right in told


def test_a_profile_without_messages_reads_nothing(tmp_path: Path) -> None:
    text = 'name = "mine"\ntitle = { zh = "我的", en = "Mine" }\nmessage = []\n'
    assert "message: describe at least one [[message]]" in mistakes(tmp_path, text)


def test_several_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = changed('temp = "temperature"', 'temp = "x"\nhum = "y"').replace("{device}/data", "{device#}/data")
    told = mistakes(tmp_path, text).splitlines()
    assert len(told) == 3
    assert all(line.startswith("profile mine.toml: ") for line in told)


def test_what_is_no_key_or_of_the_wrong_kind_is_named_at_once_too(tmp_path: Path) -> None:
    text = changed('time = "t"', 'tme = "t"\ntime = { path = "t", format = "minutes", zon = 8 }\nguess = "most"')
    text = text.replace('topic = "mine/{device}/data"', 'topic = "mine/{device}/data"\npayload = "xml"\nrequired = "t"')
    assert sorted(line.partition(": ")[2] for line in mistakes(tmp_path, text).splitlines()) == [
        "guess: invalid enum value 'most': one of all, sure, states is right",
        "message[0].payload: invalid enum value 'xml': one of json, value is right",
        "message[0].required: expected 'array', got 'str'",
        "time.format: invalid enum value 'minutes': one of auto, s, ms, us, ns, iso, local is right",
        "time: object contains unknown field 'zon': leave it out, or see devices/README.md for the keys there are",
        "top: object contains unknown field 'tme': leave it out, or see devices/README.md for the keys there are",
    ]


README = (Path(devices.formats.__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_mistakes_that_the_guide_shows_are_told_so(tmp_path: Path) -> None:
    template = (Path(devices.formats.__file__).parents[1] / "profiles" / "template.toml").read_text(encoding="utf-8")
    text = template.replace('name = "template"', 'name = "my_format"', 1).replace(
        'id = "{device}"', 'id = "{devise}"', 1
    )
    told = mistakes(
        tmp_path, text.replace("[metrics]\n", '[metrics]\ntemp = "temprature"\n', 1), "my_format"
    ).splitlines()
    shown = [line for line in README.splitlines() if line.startswith("profile my_format.toml: ")]
    assert len(shown) == 2
    assert set(shown) <= set(told)


def test_the_short_profile_of_the_guide_is_good(tmp_path: Path) -> None:
    start = README.index('name = "pump_room"')
    (tmp_path / "pump_room.toml").write_text(README[start : README.index("```", start)], encoding="utf-8")
    assert devices.formats.make("pump_room", profiles=tmp_path).name == "pump_room"


def test_an_option_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match="no option colour; there is: topic"):
        devices.formats.make("neuron", options={"colour": "red"})
    with pytest.raises(UnknownFormat, match="there is: none"):
        devices.formats.make("alink", options={"colour": "red"})


def test_profiles_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    for one, other in (("aa", "bb"), ("bb", "aa")):
        text = f'name = "{one}"\nextends = "{other}"\ntitle = {{ zh = "一", en = "a" }}\n'
        (tmp_path / f"{one}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadProfile, match="leads back"):
        devices.formats.make("aa", profiles=tmp_path)


def test_a_folder_that_is_not_there_and_a_file_of_a_name_that_no_format_has_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadProfile, match="nowhere: there is no such folder"):
        devices.formats.make("mine", profiles=tmp_path / "nowhere")
    (tmp_path / "My Pump.toml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(BadProfile, match=r"profile My Pump\.toml: its file cannot be called so: lower-case letters"):
        devices.formats.make("My Pump", profiles=tmp_path)


def test_a_users_profile_comes_before_the_shipped_one_of_its_name(tmp_path: Path) -> None:
    text = 'name = "neuron"\nextends = "neuron"\ntitle = { zh = "一", en = "Ours" }\n[options]\ntopic = "ours/{app}"\n'
    (tmp_path / "neuron.toml").write_text(text, encoding="utf-8")
    assert "ours/+" in devices.formats.make("neuron", profiles=tmp_path).filters
    assert "ours/+" not in devices.formats.make("neuron").filters


@pytest.mark.parametrize("name", ["../formats/native", "alink_examples", "Alink", "", "a" * 50])
def test_a_name_that_is_no_profile_opens_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownFormat, match="unknown format"):
        devices.formats.make(name, profiles=tmp_path)
