"""The manual names the commands, metrics, states and reasons that there are, and no others."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.cli import parser
from hub.domain.alarms import AlarmState, Overlay
from hub.domain.people import Role
from hub.domain.ticket_actions import _ROLES
from hub.domain.tickets import ARROWS, ENDED, Action, TicketState
from hub.flows.batch import SET_BACK
from hub.settings import Mqtt, Settings
from hub.wiring import Hub
from tests.docs.pages import PAGES, ROOT, blocks, code_words, page, prose, rows, section

TICKETS = page("docs/manual/alarms-and-tickets.md")
TICKETS_ZH = page("docs/manual/alarms-and-tickets.zh-CN.md")


def first_words(text: str) -> list[str]:
    return [word for row in rows(text) for word in code_words(row[0])]


def subcommands(root: argparse.ArgumentParser, so_far: str) -> Iterator[str]:
    inner = [action for action in root._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield so_far
    for action in inner:
        for name, child in action.choices.items():
            yield from subcommands(child, f"{so_far} {name}")


# --- commands ---------------------------------------------------------------------------------------------------


def test_the_manual_lists_every_command() -> None:
    told = first_words(section(page("docs/manual/running.md"), "## Commands"))
    assert sorted(told) == sorted(subcommands(parser(), "hub"))


def test_no_page_names_a_command_that_does_not_exist() -> None:
    known = {name.split()[1] for name in subcommands(parser(), "hub")}
    for path in PAGES:
        for words in code_words(path.read_text(encoding="utf-8")):
            if words.startswith("hub ") and len(words.split()) > 1:
                name = next((word for word in words.split()[1:] if not word.startswith("-") and word.islower()), "")
                assert name in known or words.startswith("hub --"), f"{path.name}: {words}"


# --- metrics ----------------------------------------------------------------------------------------------------


def test_every_metric_is_in_the_manual_with_type_and_labels(tmp_path: Path) -> None:
    hub = Hub(Settings(data_dir=tmp_path, mqtt=Mqtt(url="mqtt://127.0.0.1:1")))
    real = {}
    for collector in {id(found): found for found in hub.metrics._names_to_collectors.values()}.values():
        (family,) = collector.describe()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        real[f"`{name}`"] = (family.type, ", ".join(collector._labelnames))
    for name, heading in (("health.md", "## Metrics"), ("health.zh-CN.md", "## 指标")):
        told = {row[0]: (row[1], row[2]) for row in rows(section(page(f"docs/manual/{name}"), heading))}
        assert told == real, name


# --- states and actions -----------------------------------------------------------------------------------------


def test_states_and_overlays() -> None:
    told = first_words(section(TICKETS, "## Alarm states"))
    assert told == [*AlarmState, *Overlay]
    assert first_words(section(TICKETS, "## Ticket states")) == [*TicketState]


def test_the_chinese_page_has_every_ticket_state() -> None:
    told = [word for row in rows(section(TICKETS_ZH, "## 工单状态")) for word in code_words(row[1])]
    assert sorted(told) == sorted(TicketState)


def test_where_a_ticket_goes_on_to_is_where_an_arrow_leads() -> None:
    for row in rows(section(TICKETS, "## Ticket states")):
        (state,) = code_words(row[0])
        told = {word for word in code_words(row[2]) if word in set(TicketState)}
        reached = {after for arrows in ARROWS.values() for after in arrows.get(TicketState(state), ())}
        hidden = {TicketState.CLOSED} if state == "assigned" else set()  # records from late data end there
        back = {TicketState.ASSIGNED, TicketState.IN_PROGRESS} if state in {"resolved", "closed"} else set()
        assert told == reached - hidden - back - {state}, state
        assert bool(reached) or TicketState(state) in ENDED


@pytest.mark.parametrize(
    ("table", "yes"),
    [(section(TICKETS, "## Who may do what"), "yes"), (section(TICKETS_ZH, "## 谁能做什么"), "可以")],
    ids=["en", "zh-CN"],
)
def test_who_may_do_what(table: str, yes: str) -> None:
    for row in rows(table):
        (action,) = code_words(row[0])
        roles = {Role(role) for role in _ROLES[Action(action)]}
        told = {Role.ADMIN, Role.MANAGER} if row[3] == yes else set()
        told |= {Role.DESK} if row[4] == yes else set()
        told |= {Role.CREW} if row[5] == yes else set()
        assert told == roles - {Role.PLANNER, Role.VIEWER}, action
    assert len(rows(table)) == len(_ROLES)


def test_roles() -> None:
    assert first_words(section(page("docs/manual/people.md"), "## Roles")) == [*Role]


# --- reasons of quarantine --------------------------------------------------------------------------------------


def reasons(tree: ast.AST) -> Iterator[str]:
    """Slugs where a reason stands: ``Problem("x", …)``, ``it.problem("x", …)``, ``refusal(arrival, "x", …)``, ``("x", "a sentence")``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "problem":
            found = node.args[:1]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            place = {"Problem": 0, "Refused": 0, "Trouble": 0, "refusal": 1}.get(node.func.id)
            found = [node.args[place]] if place is not None and len(node.args) > place else []
            if node.func.id == "Refusal":
                found += [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
        elif isinstance(node, ast.Return | ast.Assign) and isinstance(node.value, ast.Tuple) and node.value.elts:
            found = node.value.elts[:1] if len(node.value.elts) == 2 and _is_sentence(node.value.elts[1]) else []
        else:
            found = []
        for value in found:
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and "_" in value.value:
                yield value.value


def _is_sentence(node: ast.expr) -> bool:
    return not isinstance(node, ast.Constant) or (isinstance(node.value, str) and " " in node.value)


def test_every_reason_of_quarantine_is_explained() -> None:
    folders = ("devices/formats", "devices/lorawan", "devices/profiles", "hub/ingest")
    files = [path for folder in folders for path in (ROOT / folder).glob("*.py")]
    real = {reason for path in files for reason in reasons(ast.parse(path.read_text(encoding="utf-8")))}
    told = first_words(section(page("docs/manual/messages.md"), "## Reasons"))
    assert sorted(told) == sorted(real)


def test_every_kind_of_gap_is_explained() -> None:
    real = {
        node.args[1].value
        for path in (ROOT / "hub" / "ingest").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Gap"
        if isinstance(node.args[1], ast.Constant)
    }
    assert set(first_words(section(page("docs/manual/promises.md"), "## Gaps"))) == real | {SET_BACK}


# --- the table of dependencies ----------------------------------------------------------------------------------


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads(page("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["postgres"], *extras["dashboards"]]
    names = [re.match(r"[\w-]+", text) for text in wanted]
    told = [row[0] for row in rows(page("docs/decisions/dependencies.md"))]
    assert told == [name[0] for name in names if name]
    for row in rows(page("docs/decisions/dependencies.md")):
        assert all(row), row


@pytest.mark.parametrize("name", [path.name for path in (ROOT / "docs" / "decisions").glob("*.md")])
def test_every_decision_is_in_the_list(name: str) -> None:
    assert name == "README.md" or f"({name})" in page("docs/decisions/README.md")


# --- numbers of the READMEs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readme_counts_the_demos_facilities_and_devices_right(name: str) -> None:
    community = tomllib.loads(page("hub/communities/harmony-garden.toml"))
    text = page(name)
    for number in (len(community["facilities"]), len(community["devices"])):
        assert re.search(rf"(?<!\d){number} ", text), number


def test_no_code_word_is_broken_over_two_lines() -> None:
    for path in PAGES:
        for line in prose(path.read_text(encoding="utf-8")).splitlines():
            assert line.count("`") % 2 == 0, f"{path.name}: {line}"


def typed() -> Iterator[tuple[str, list[str]]]:
    """Every ``hub …`` that a page shows as typed in a shell."""
    for path in PAGES:
        for block in blocks(path.read_text(encoding="utf-8")):
            for line in block.text.replace("\\\n", " ").splitlines() if block.language == "sh" else ():
                words = shlex.split(line, comments=True)
                ends = [number for number, word in enumerate(words) if word in {"|", ">"}]
                words = words[: min(ends, default=len(words))]
                if words and words[0].rpartition("/")[2] == "hub" and "…" not in words:
                    yield path.name, words[1:]


@pytest.mark.parametrize(("name", "words"), list(typed()))
def test_what_is_typed_is_understood(name: str, words: list[str]) -> None:
    assert parser().parse_args(words).run
