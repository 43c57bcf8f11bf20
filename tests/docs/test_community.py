"""docs/manual/community.md names every key of every table, and its example is a community without a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub import cli
from hub.storage.community.rows import TABLES, keys_of
from hub.storage.community.sheets import SHEETS
from tests.docs.pages import blocks, code_words, page, rows, section

TEXT = page("docs/manual/community.md")
CHINESE = page("docs/manual/community.zh-CN.md")
HEADINGS = {
    "community": "## `[community]`",
    "contacts": "## `[crews.<id>.contacts.<id>]`",
    "units": "## `units = [...]`",
    "ledger": "## `ledger = { … }`",
    "points": "## `points = [...]`",
}
"""How they begin, in both languages."""


@pytest.mark.parametrize("text", [TEXT, CHINESE], ids=["en", "zh-CN"])
@pytest.mark.parametrize("table", TABLES)
def test_every_key_of_a_table_is_there(table: str, text: str) -> None:
    beginning = HEADINGS.get(table, f"## `[{table}.<id>]`")
    heading = next(line for line in text.splitlines() if line.startswith(beginning))
    assert sorted(row[0] for row in rows(section(text, heading))) == sorted(
        f"`{key}`" for key in keys_of(TABLES[table])
    )


def test_the_chinese_page_names_every_sheet_and_only_keys_that_exist() -> None:
    names = {row[1]: set(code_words(row[2])) for row in rows(section(CHINESE, "## 有哪些表"))}
    assert set(names) == {sheet.zh for sheet in SHEETS}
    for sheet in SHEETS:
        choices = {choice for column in sheet.columns for choice in column.choices}
        assert names[sheet.zh] <= {*keys_of(TABLES[sheet.table]), *choices}, sheet.zh


def test_the_example_is_read_without_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sunny-court.toml"
    path.write_text(next(block.text for block in blocks(TEXT) if block.mark == "runs: community"), encoding="utf-8")
    assert cli.main(["check", str(path)]) == 0
    assert "0 errors, 0 warnings" in capsys.readouterr().out
