"""Links lead somewhere; no page names this or any other machine's folders or unknown hosts."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, page, prose

HOSTS = {"mosquitto.org", "github.com", "semver.org", "127.0.0.1", "localhost"}
"""What the pages may point at, besides *.example and example.com."""
PLACES = re.compile(
    r"/(etc/hub|var/lib/hub|mnt/backups|opt/hub|run/secrets|usr/sbin|usr/local/sbin|api|health|healthz|readyz|figures|metrics"
    r"|etc/systemd/system|dev/null|backups|grafana|ingest)\b"
    r"|/(sys|as/mqtt|neuron|status)/"  # topics of makers that begin with an empty level
    r"|/data\.level\b"  # a path inside a message
)
"""Absolute paths that a page may name: where a service usually lives, the hub's own addresses, folders in containers, parts of messages."""
_PATH = re.compile(r"(?<![\w.:/}*+…>)-])/[A-Za-z][\w.-]*")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_URL = re.compile(r"\b(?:https?|mqtts?|wss?|smtps?|smtp\+plain)://[^\s`\"'<>|)]+")
IDS = [str(path.relative_to(ROOT)) for path in PAGES]


def places(path: Path) -> set[str]:
    """What a link can name in a page: its headings, as GitHub and its like turn them into anchors."""
    headings = _HEADING.findall(prose(path.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_links_lead_to_files_that_are_there(path: Path) -> None:
    for target in _LINK.findall(prose(path.read_text(encoding="utf-8"))):
        if "://" not in target:
            file, _, place = target.partition("#")
            there = path.parent / file if file else path
            assert there.exists(), f"{path.name}: {target}"
            assert not place or place in places(there), f"{path.name}: {target}"


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_hosts_are_examples_or_well_known(path: Path) -> None:
    for url in _URL.findall(path.read_text(encoding="utf-8")):
        host = urlsplit(url.replace("…", "example")).hostname or ""
        known = host in HOSTS or host.endswith((".example", "example.com")) or host in {"", "example", "host"}
        assert known, f"{path.name}: {url}"


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_no_folder_of_somebodys_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for found in _PATH.finditer(text):
        assert PLACES.match(text, found.start()), f"{path.name}: {text[found.start() : found.end() + 20]!r}"


def test_both_readmes_show_the_same_commands() -> None:
    def commands(name: str) -> list[str]:
        return [
            re.sub(r"\s+(--language zh-CN|#.*)", "", block.text)
            for block in blocks(page(name))
            if block.language == "sh"
        ]

    assert commands("README.md") == commands("README.zh-CN.md")


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_every_page_in_two_languages_links_to_the_other(path: Path) -> None:
    other = path.with_name(path.name.replace(".md", ".zh-CN.md"))
    if other.exists():
        assert f"[中文]({other.name})" in path.read_text(encoding="utf-8")
        assert f"[English]({path.name})" in other.read_text(encoding="utf-8")
