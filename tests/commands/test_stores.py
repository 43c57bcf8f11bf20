"""Commands that need the stores, inside the running hub and with the lock taken by themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook

from hub.flows.batch import Position, Refusal
from hub.flows.lists import QuarantineFilter
from hub.web.auth.passwords import digest
from tests.commands.conftest import Home

pytestmark = pytest.mark.servers

Court = Callable[[str], Path]


# --- import and export ----------------------------------------------------------------------------------------------


def test_a_shipped_community_is_imported_by_its_id(home: Home) -> None:
    said = home("import", "new-court", "--dry-run")
    assert (said.code, said.out.splitlines()[-1]) == (0, "would change: 672 added")
    unknown = home("import", "old-court")
    assert "no community 'old-court' is shipped with the hub; there is harmony-garden, new-court" in unknown.err


def test_a_dry_run_says_what_would_change_and_changes_nothing(home: Home, court: Court) -> None:
    said = home("import", str(court("dry")), "--dry-run")
    assert said.code == 0
    assert "would change:" in said.out
    assert "shed-air" in said.out
    assert home("export", "dry", str(court("dry"))).code == 1


def test_importing_twice_changes_nothing_the_second_time(home: Home, court: Court) -> None:
    first, second = home("import", str(court("twice"))), home("import", str(court("twice")))
    assert (first.code, second.code) == (0, 0)
    assert first.out.splitlines()[-1].startswith("done: ")
    assert second.out == "done: nothing\n"


def test_a_wrong_row_is_named_with_what_would_be_right(home: Home, court: Court) -> None:
    path = court("wrong")
    path.write_text(path.read_text(encoding="utf-8").replace('"ebike_shed"', '"ebike_shet"'), encoding="utf-8")
    said = home("import", str(path))
    assert said.code == 1
    assert "wrong.toml: facilities.shed.kind" in said.err
    assert "ebike_shed" in said.err
    assert home("export", "wrong", str(path.with_name("out.toml"))).code == 1
    chinese = home("import", str(path), "--language", "zh-CN")
    assert "wrong.toml：facilities.shed.kind：设施类型目录 中没有 'ebike_shet'；应为：或许是 ebike_shed" in chinese.err


def test_findings_are_written_back_into_the_workbook(home: Home, court: Court) -> None:
    home("import", str(court("book")))
    path = court("book").with_suffix(".xlsx")
    assert home("export", "book", str(path)).code == 0
    book = load_workbook(path)
    sheet = next(page for page in book.worksheets if any(cell.value == "ebike_shed" for cell in page["2"] + page["3"]))
    cell = next(cell for row in sheet.iter_rows() for cell in row if cell.value == "ebike_shed")
    cell.value = "ebike_shet"
    book.save(path)
    said = home("import", str(path))
    assert said.code == 1
    assert "no 'ebike_shet' in the facility catalogue" in said.err

    def noted() -> str:
        """The last cell of the row."""
        return str([found.value for found in load_workbook(path)[sheet.title][cell.row] if found.value][-1])

    assert noted() == "类型 Kind: 设施类型目录 中没有 'ebike_shet'；应为：或许是 ebike_shed"
    assert home("import", str(path), "--language", "en").code == 1
    assert noted() == "类型 Kind: no 'ebike_shet' in the facility catalogue; expected perhaps ebike_shed"


@pytest.mark.parametrize("form", ["toml", "xlsx"])
def test_what_is_exported_reads_back_as_no_change(home: Home, court: Court, form: str, tmp_path: Path) -> None:
    home("import", str(court(f"round-{form}")))
    path = tmp_path / f"out.{form}"
    assert home("export", f"round-{form}", str(path)).out == f"wrote {path}\n"
    assert home("import", str(path)).out == "done: nothing\n"


def test_an_unknown_community_names_those_that_exist(home: Home, court: Court, tmp_path: Path) -> None:
    home("import", str(court("known")))
    said = home("export", "unknown", str(tmp_path / "x.toml"))
    assert said.code == 1
    assert "'unknown'" in said.err
    assert "known" in said.err.replace("unknown", "")


@pytest.mark.parametrize("name", ["missing.toml", "court.csv"])
def test_a_file_that_cannot_be_read_is_named(home: Home, tmp_path: Path, name: str) -> None:
    (tmp_path / "court.csv").write_text("a,b\n", encoding="utf-8")
    said = home("import", str(tmp_path / name))
    assert (said.code, said.out) == (1, "")
    assert name in said.err
    assert len(said.err.splitlines()) == 1


# --- quarantine -------------------------------------------------------------------------------------------------------


def keep(home: Home, device: str, payload: bytes, reason: str = "not_json") -> int:
    """A message that an older hub did not understand; the number under which it is kept."""
    topic = f"community/v1/quarantined/{device}/telemetry"
    hub_id = f"quarantined~{device}"
    refusal = Refusal(0, reason, "no JSON", hub_id, "quarantined", True, "main", topic, payload, 1_795_400_000_000)
    home.write(lambda books: books.quarantine.keep(Position(f"old-{device}", 1), [refusal]))
    page = home.read(lambda books: books.quarantine.page(QuarantineFilter(device=hub_id), limit=10))
    return int(page.items[0].id)


def test_quarantine_is_listed_by_device_and_shown_with_its_payload(home: Home) -> None:
    item = keep(home, "listed", b"temperature=21")
    said = home("quarantine", "list", "--device", "quarantined~listed")
    assert said.code == 0
    assert "not_json" in said.out
    assert "community/v1/quarantined/listed/telemetry" in said.out
    assert len(said.out.splitlines()) == 1
    shown = home("quarantine", "show", str(item))
    assert "temperature=21" in shown.out
    assert home("quarantine", "list", "--device", "quarantined~nobody").out == "nothing is in quarantine that fits\n"


def test_an_item_that_does_not_exist_is_named(home: Home) -> None:
    said = home("quarantine", "show", "987654")
    assert said.code == 1
    assert "987654" in said.err


def test_redrive_sends_what_is_understood_now_and_keeps_the_rest(home: Home) -> None:
    keep(home, "again", json.dumps({"ts": 1_795_400_000_000, "values": {"temperature": 21.0}}).encode())
    keep(home, "never", b"temperature=21")
    for device, understood in (("again", 1), ("never", 0)):
        said = home("quarantine", "redrive", "--all", "--device", f"quarantined~{device}")
        assert said.code == 0
        assert said.out == f"understood: {understood}\nrefused: {1 - understood}\n"
        assert "1 of 1" in said.err, "progress is told, in plain lines where nobody looks at a terminal"
    assert home("quarantine", "list", "--device", "quarantined~again").out.startswith("nothing")
    assert "not_json" in home("quarantine", "list", "--device", "quarantined~never").out


def test_redrive_wants_to_know_which(home: Home) -> None:
    said = home("quarantine", "redrive")
    assert said.code == 1
    assert "--all" in said.err


# --- users and tokens ---------------------------------------------------------------------------------------------------


def test_a_user_is_made_with_the_password_that_was_typed(home: Home, court: Court) -> None:
    home("import", str(court("court")))
    said = home("user", "li.wei", "--role", "manager", "--scope", "court", "--name", "李伟", typed="correct horse\n")
    assert said == (0, "user li.wei may sign in as manager\n", "")
    user = home.read(lambda books: books.people.user("li.wei"))
    assert user.name == "李伟"
    assert [(grant.role, grant.scope_id) for grant in user.grants] == [("manager", "court")]
    assert "correct horse" not in user.password_hash


@pytest.mark.parametrize(
    ("words", "typed", "named"),
    [
        (("user", "x", "--role", "boss"), "long enough\n", "no role 'boss': there are admin"),
        (("user", "x", "--role", "viewer"), "short\n", "at least 8 characters"),
        (("user", "x", "--role", "viewer", "--scope", "a/b/c"), "long enough\n", "a/b/c"),
        (("user", "x", "--role", "viewer", "--scope", "nowhere"), "long enough\n", "no community 'nowhere'"),
        (("token", "x"), "", "--role"),
        (("token", "nobody", "--revoke"), "", "no token 'nobody'"),
    ],
)
def test_people_that_cannot_be_are_refused(home: Home, words: tuple[str, ...], typed: str, named: str) -> None:
    said = home(*words, typed=typed)
    assert (said.code, said.out) == (1, "")
    assert named in said.err
    assert len(said.err.splitlines()) == 1


def test_a_token_is_printed_once_and_can_be_revoked(home: Home) -> None:
    text = home("token", "reporting", "--role", "viewer", "--days", "365").out.strip()
    (token,) = [found for found in home.read(lambda books: books.people.tokens()) if found.name == "reporting"]
    assert token.token_hash == digest(text)
    assert token.expires_at == token.created_at + 365 * 86_400_000
    assert home("token", "reporting", "--revoke").out == "revoked 1 token(s) named reporting\n"
