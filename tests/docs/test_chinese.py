"""Every page that users read is there in Chinese, and names the same commands, settings, metrics, keys and examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import MANUAL, ROOT, blocks, code_words, prose

_COMMENT = re.compile(r"\s*(--language zh-CN|#.*)")
"""What may differ between two blocks: comments are translated, and a Chinese reader is shown Chinese findings."""
IDS = [str(path.relative_to(ROOT)) for path in MANUAL]


def chinese(path: Path) -> Path:
    return path.with_name(path.name.replace(".md", ".zh-CN.md"))


def named(path: Path) -> set[str]:
    """What stands between backticks, outside of examples."""
    return set(code_words(prose(path.read_text(encoding="utf-8"))))


def shown(path: Path) -> list[str]:
    """The examples without their comments."""
    return [_COMMENT.sub("", block.text) for block in blocks(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("path", MANUAL, ids=IDS)
def test_a_page_for_users_has_its_chinese_counterpart(path: Path) -> None:
    assert chinese(path).exists(), f"{path.name} is there in English alone: write {chinese(path).name}"


@pytest.mark.parametrize("path", MANUAL, ids=IDS)
def test_both_languages_name_the_same_things(path: Path) -> None:
    english, other = named(path), named(chinese(path))
    assert not english - other, f"{chinese(path).name} does not name {sorted(english - other)}"
    assert not other - english, f"{path.name} does not name {sorted(other - english)}"


@pytest.mark.parametrize("path", MANUAL, ids=IDS)
def test_both_languages_show_the_same_examples(path: Path) -> None:
    assert shown(chinese(path)) == shown(path)


def test_a_chinese_page_leads_on_to_chinese_pages() -> None:
    for path in MANUAL:
        text = chinese(path).read_text(encoding="utf-8").split("\n", 3)[3]  # below the link to the English page
        for target in re.findall(r"\]\(([^)\s#]+\.md)", text):
            assert target.endswith(".zh-CN.md") or not chinese(path.parent / target).exists(), f"{path.name}: {target}"
