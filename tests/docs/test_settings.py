"""docs/settings.md says every setting and its default, and no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hub.errors import ConfigError
from hub.settings import Connection, MetricRetention, PushPoll, PushSource, Settings, load
from tests.docs.pages import blocks, code_words, page, rows, section

TEXT = page("docs/settings.md")


def default_text(field: FieldInfo) -> str:
    value = field.default
    if field.is_required() or value is None:
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple | dict):
        return f"`{json.dumps(value)}`" if value else "none"
    return f"`{value}`" if isinstance(value, Path) or value != "" else "empty"


def fields_of(section_name: str) -> dict[str, FieldInfo]:
    model = Settings.model_fields[section_name].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return dict(model.model_fields)


def sections() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name


@pytest.mark.parametrize("name", list(sections()))
def test_every_key_of_a_section_stands_there_with_its_default(name: str) -> None:
    told = {row[0]: (row[1], row[2]) for row in rows(section(TEXT, f"## `[{name}]`"))}
    fields = fields_of(name)
    assert told == {
        f"`{key}`": (f"`HUB_{name.upper()}__{key.upper()}`", default_text(field)) for key, field in fields.items()
    }


def test_the_keys_without_a_section() -> None:
    told = {row[0]: (row[1], row[2]) for row in rows(section(TEXT, "## Without a section"))}
    inside = set(sections())
    assert told == {
        f"`{key}`": (f"`HUB_{key.upper()}`", default_text(field))
        for key, field in Settings.model_fields.items()
        if key not in inside
    }


def test_the_keys_of_a_further_connection() -> None:
    told = {row[0]: row[1] for row in rows(section(TEXT, "### `[[mqtt.connections]]`"))}
    assert told == {f"`{key}`": default_text(field) for key, field in Connection.model_fields.items()}


@pytest.mark.parametrize(("heading", "model"), [("sources", PushSource), ("polls", PushPoll)])
def test_the_keys_of_a_vendors_cloud(heading: str, model: type[BaseModel]) -> None:
    told = {row[0]: row[1] for row in rows(section(TEXT, f"### `[[push.{heading}]]`"))}
    assert told == {f"`{key}`": default_text(field) for key, field in model.model_fields.items()}


def test_the_keys_of_a_metrics_retention() -> None:
    told = {row[0]: row[1] for row in rows(section(TEXT, "### `[series.retention.METRIC]`"))}
    assert told == {f"`{key}`": "as for all" for key in MetricRetention.model_fields}


def test_a_metric_that_does_not_exist_is_refused_with_the_one_that_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text("[series.retention.door_opened]\nraw_months = 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"series\.retention .*no metric is called door_opened: expected door_open"):
        load(path)


def test_the_chinese_page_has_the_same_keys_and_defaults() -> None:
    words = {"none": "无", "empty": "空", "as for all": "同总设置"}
    told = [[words.get(cell, cell) for cell in row[: len(row) // 2 + 1]] for row in rows(TEXT)]
    assert [row[: len(row) // 2 + 1] for row in rows(page("docs/settings.zh-CN.md"))] == told


def test_every_key_has_a_meaning() -> None:
    for row in rows(TEXT):
        assert len(row[3] if len(row) == 5 else row[2]) > 3, row


EXAMPLES = [(code_words(row[1])[0], code_words(row[4])[0]) for row in rows(TEXT) if len(row) == 5 and "`" in row[4]]


@pytest.mark.parametrize(("variable", "example"), EXAMPLES)
def test_an_example_is_taken(variable: str, example: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, example)
    if variable.startswith("HUB_WEB__TLS_"):
        monkeypatch.setenv("HUB_WEB__TLS_CERT", example)
        monkeypatch.setenv("HUB_WEB__TLS_KEY", example)
    assert load() != Settings.model_construct()


@pytest.mark.parametrize("name", ["docs/settings.md", "docs/manual/running.md", "docs/manual/push.md"])
def test_the_settings_file_that_is_shown_is_taken(name: str, tmp_path: Path) -> None:
    shown = [block.text for block in blocks(page(name)) if block.language == "toml"]
    assert shown
    for number, text in enumerate(shown):
        path = tmp_path / f"{number}.toml"
        path.write_text(text, encoding="utf-8")
        assert load(path) != Settings.model_construct()


def test_a_secret_is_read_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("mqtt://hub:secret@broker.example:1883\n", encoding="utf-8")
    monkeypatch.setenv("HUB_MQTT__URL_FILE", str(secret))
    monkeypatch.setenv("HUB_MQTT__URL", "")  # put back after the test: load() sets it
    assert load().mqtt.url == "mqtt://hub:secret@broker.example:1883"
