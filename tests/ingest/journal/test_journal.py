"""The journal keeps what it was given, in order, across any end; and says what it cannot do."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from hub.clock import HOUR, ManualClock
from hub.domain.health import Status
from hub.domain.journal_standing import NEARLY_FULL
from hub.errors import ConfigError, StoreUnavailable
from hub.flows.batch import Position
from hub.ingest import journal_file
from hub.ingest.frames import Frame
from hub.ingest.journal import WINDOW, Journal, PositionAhead
from hub.ingest.journal_file import FORMAT
from hub.settings import JournalSettings
from tests.ingest.journal.reading import recent

Frames = Callable[..., Frame]
Open = Callable[..., Journal]


def fill(journal: Journal, a_frame: Frames, batches: int, frames: int = 3, size: int = 2) -> None:
    for number in range(batches):
        journal.append([a_frame(number * frames + i + 1, payload=b"x" * size) for i in range(frames)])


def test_what_was_appended_is_read_back_field_by_field(open_journal: Open, a_frame: Frames) -> None:
    journal = open_journal()
    frames = [
        a_frame(7, topic=b"\xff\x00", payload=b"\x00\xfe", flags=0x0D, content_type="application/json"),
        a_frame(0, topic="楼".encode(), payload=b"", flags=0),
    ]
    assert journal.append(frames) == 1
    [batch] = journal.read(0)
    assert (batch.number, batch.frames, batch.damaged) == (1, frames, None)


def test_a_reopened_journal_goes_on_where_it_ended(open_journal: Open, a_frame: Frames, noon: int) -> None:
    journal = open_journal()
    fill(journal, a_frame, 4)
    again = open_journal()
    assert (again.id, again.first, again.last, again.last_received_at) == (journal.id, 1, 4, noon)
    assert again.append([a_frame()]) == 5
    assert again.recovered is None


def test_batch_numbers_are_never_used_again(open_journal: Open, a_frame: Frames, clock: ManualClock) -> None:
    settings = JournalSettings(min_free=0, max_age_h=1)
    journal = open_journal(settings=settings)
    journal.append([a_frame(i % 60_000 + 1) for i in range(WINDOW)])
    journal.append([a_frame(i % 60_000 + 1) for i in range(WINDOW)])
    clock.advance(2 * HOUR)
    assert journal.prune(2) == 1
    journal.close()
    assert open_journal(settings=settings).append([a_frame()]) == 3


def test_recent_gives_the_newest_frames_over_batches(open_journal: Open, a_frame: Frames) -> None:
    journal = open_journal()
    fill(journal, a_frame, 5)
    assert [frame.packet_id for frame in recent(journal, 4)] == [12, 13, 14, 15]
    assert [frame.packet_id for frame in recent(journal, 100)] == list(range(1, 16))
    first, frames = journal.frames_before(4, 4)
    assert (first, [frame.packet_id for frame in frames]) == (2, [4, 5, 6, 7, 8, 9])
    assert list(journal.frames_before(1, 4)[1]) == []


def test_frames_of_one_topic_are_found_from_a_moment_on(
    open_journal: Open, a_frame: Frames, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, noon = open_journal(), clock.now()
    word = [replace(a_frame(), topic=b"$hub/word", payload=b"%d" % n, received_at=noon + n) for n in range(4)]
    speaks_of_it = replace(a_frame(), payload=b"$hub/word", received_at=noon + 4)
    for batch in (
        [word[0]],
        [word[1], a_frame(), word[2]],
        [replace(a_frame(), received_at=noon + 3)],
        [speaks_of_it],
        [word[3]],
    ):
        journal.append(batch)
    assert [frame.payload for frame in journal.told(b"$hub/word", noon)] == [b"0", b"1", b"2", b"3"]
    read: list[int] = []
    monkeypatch.setattr(journal, "read", lambda after: read.append(after + 1) or [])
    assert list(journal.told(b"$hub/word", noon + 2)) == []
    assert read == [2, 4, 5], "only batches that hold the word, and none that is older"
    assert list(journal.told(b"$hub/word", noon + 9)) == []


def test_before_finds_the_batch_behind_a_number_of_frames(open_journal: Open, a_frame: Frames) -> None:
    journal = open_journal()
    fill(journal, a_frame, 6)
    assert journal.before(6, 1) == 4
    assert journal.before(6, 3) == 4
    assert journal.before(6, 4) == 3
    assert journal.before(6, 1_000) == 0


def test_backlog_counts_batches_frames_and_bytes(open_journal: Open, a_frame: Frames) -> None:
    journal = open_journal()
    fill(journal, a_frame, 4)
    assert journal.backlog(4) == (0, 0, 0)
    backlog = journal.backlog(1)
    assert (backlog.batches, backlog.frames) == (3, 9)
    assert journal.backlog(0).bytes == backlog.bytes * 4 // 3


# --- positions ------------------------------------------------------------------------------------------------


def test_positions_are_found_refused_or_start_at_the_first_batch(open_journal: Open, a_frame: Frames) -> None:
    journal = open_journal()
    fill(journal, a_frame, 2)
    assert journal.locate(None) == 0
    assert journal.locate(Position(journal.id, 2)) == 2
    assert journal.locate(Position("another", 77)) == 0
    with pytest.raises(PositionAhead, match=r"position 3 is ahead of journal .* ends at 2"):
        journal.locate(Position(journal.id, 3))


# --- retention ------------------------------------------------------------------------------------------------


def test_age_bytes_and_need_decide_what_is_dropped(open_journal: Open, a_frame: Frames, clock: ManualClock) -> None:
    journal = open_journal(settings=JournalSettings(min_free=0, max_age_h=1))
    for _ in range(3):
        journal.append([a_frame(i % 60_000 + 1) for i in range(WINDOW // 2 + 1)])
    assert journal.prune(3) == 0, "young"
    clock.advance(2 * HOUR)
    assert journal.prune(0) == 0, "needed by a lane"
    assert journal.prune(2) == 0, "in the window of frames before the lane"
    assert journal.prune(3) == 1
    assert (journal.first, [batch.number for batch in journal.read(0, 9)]) == (2, [2, 3])


def test_what_is_over_the_byte_limit_goes_though_it_is_young(open_journal: Open, a_frame: Frames) -> None:
    journal = open_journal(settings=JournalSettings(min_free=0, max_bytes=10 * 1024**2))
    for _ in range(4):
        journal.append([a_frame(i % 60_000 + 1, payload=b"x" * 40) for i in range(WINDOW // 2 + 1)])
    assert journal.prune(4) == 2, "to below the limit"
    assert journal.prune(4) == 0


def test_a_short_disk_has_what_nobody_needs_dropped(open_journal: Open, a_frame: Frames) -> None:
    free = [10**9]
    journal = open_journal(settings=JournalSettings(min_free=10**8), disk_usage=lambda _path: (10**9, 0, free[0]))
    for _ in range(4):
        journal.append([a_frame(i % 60_000 + 1) for i in range(WINDOW // 2 + 1)])
    assert journal.prune(4) == 0
    free[0] = 10**8 + 5_000_000
    assert journal.prune(4) == 2, "all but the window"


# --- a full disk ----------------------------------------------------------------------------------------------


def test_below_the_floor_nothing_is_taken_and_health_is_down(open_journal: Open, a_frame: Frames, noon: int) -> None:
    free = [10_000_000]
    journal = open_journal(settings=JournalSettings(min_free=9_000_000), disk_usage=lambda _path: (10**9, 0, free[0]))
    journal.append([a_frame()])
    free[0] = 8_000_000
    with pytest.raises(StoreUnavailable, match="must stay free: make room"):
        journal.append([a_frame()])
    assert journal.health(noon).status is Status.DOWN
    free[0] = 10_000_000
    assert journal.append([a_frame()]) == 2


def test_health_warns_where_something_else_fills_the_disk(open_journal: Open, noon: int) -> None:
    free = [9_000_000]
    journal = open_journal(settings=JournalSettings(min_free=8_000_000), disk_usage=lambda _path: (10**9, 0, free[0]))
    assert journal.health(noon).status is Status.OK
    free[0] = 8_900_000
    assert "something else fills the disk: make room" in journal.health(noon).reason


def test_health_warns_at_half_and_at_80_percent_with_the_hours_left(
    open_journal: Open, a_frame: Frames, clock: ManualClock
) -> None:
    free = [100_000_000]
    journal = open_journal(disk_usage=lambda _path: (10**9, 0, free[0]))
    assert journal.standing(clock.now()).measured_since is None
    started = clock.now()
    journal.prune(0)
    journal.append([a_frame(payload=b"x" * 1_000_000)])
    clock.advance(HOUR // 60)
    journal.prune(0)
    assert journal.health(clock.now()).status is Status.OK
    free[0] = 900_000
    half = journal.health(clock.now())
    assert half.status is Status.DEGRADED
    assert "over half" in half.reason
    assert half.facts["hours_left"] == 0.0
    free[0] = 200_000
    assert "over 80 %" in journal.health(clock.now()).reason
    standing = journal.standing(clock.now())
    assert (standing.left, standing.floor, standing.measured_since) == (journal.room().left, 0, started)
    assert standing.fill >= NEARLY_FULL
    assert standing.hours_left == 0.0


def test_sqlite_saying_that_the_disk_is_full_is_no_reason_to_lose_anything(open_journal: Open, a_frame: Frames) -> None:
    journal = open_journal()
    journal.append([a_frame(1)])
    pages = journal._writer.execute("PRAGMA page_count").fetchone()[0]
    journal._writer.execute(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(StoreUnavailable, match="cannot be written: database or disk is full"):
        journal.append([a_frame(2, payload=b"x" * 200_000)])
    journal._writer.execute("PRAGMA max_page_count=1000000")
    assert journal.append([a_frame(3)]) == 2
    assert [frame.packet_id for frame in recent(journal, 9)] == [1, 3]


def append_until_refused(journal: Journal, a_frame: Frames) -> int:
    for written in range(100):
        try:
            journal.append([a_frame(written + 1, payload=b"x" * 50_000)])
        except StoreUnavailable:
            return written
    raise AssertionError("a file system of 2 MB took 5 MB")


@pytest.mark.faults
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small tmpfs")
def test_a_full_file_system_holds_and_then_goes_on(tmp_path: Path, a_frame: Frames, clock: ManualClock) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs here: {mounted.stderr.decode().strip()}")
    try:
        ballast = small / "ballast"
        ballast.write_bytes(b"x" * 1_000_000)
        journal = Journal(
            small / "journal.sqlite",
            JournalSettings(min_free=0),
            clock,
            disk_usage=lambda _path: (10**9, 0, 10**9),
        )
        journal.open()
        written = append_until_refused(journal, a_frame)
        ballast.unlink()
        journal.append([a_frame(written + 1)])
        journal.close()
        journal.open()
        assert [frame.packet_id for frame in recent(journal, 200)] == list(range(1, written + 2))
        assert journal.recovered is None
        journal.close()
    finally:
        subprocess.run(["umount", str(small)], check=True)


# --- kills and damage -----------------------------------------------------------------------------------------

_WRITER = """
import sys
from pathlib import Path
from hub.clock import ManualClock
from hub.ingest.frames import Frame
from hub.ingest.journal import Journal
from hub.settings import JournalSettings
journal = Journal(Path(sys.argv[1]), JournalSettings(min_free=0), ManualClock(1))
journal.open()
number = 0
while True:
    number += 1
    journal.append([Frame("main", number, b"t", b"x" * 500, 1, number)])
    print(number, flush=True)
"""


@pytest.mark.faults
def test_everything_said_to_be_durable_survives_a_kill(tmp_path: Path, open_journal: Open) -> None:
    path = tmp_path / "journal.sqlite"
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = 0
        for line in writer.stdout:
            said = int(line)
            if said == 150:
                writer.send_signal(signal.SIGKILL)
    journal = open_journal()
    kept = [frame.packet_id for frame in recent(journal, 100_000)]
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) >= said >= 150
    assert journal.recovered is None


def test_a_garbled_newest_batch_is_left_behind_in_a_damaged_file(
    open_journal: Open, a_frame: Frames, tmp_path: Path, noon: int
) -> None:
    journal = open_journal()
    fill(journal, a_frame, 3)
    journal._writer.execute("UPDATE batches SET blob = x'c1c1c1' WHERE id = 3")
    old = journal.id
    journal.close()
    again = open_journal()
    assert again.id != old
    assert (again.first, again.last) == (1, 3)
    assert [batch.number for batch in again.read(0, 9)] == [1, 2]
    assert again.append([a_frame()]) == 4
    assert len(list(tmp_path.glob("journal.sqlite.damaged-*"))) == 1
    health = again.health(noon)
    assert health.status is Status.DEGRADED
    assert "2 batches" in health.reason
    assert again.locate(Position(old, 1)) == 1, "the damaged journal's own numbers go on"
    assert again.locate(Position(old, 3)) == 3
    assert again.locate(Position("stranger", 2)) == 0
    assert again.backlog(1).frames == 4


@pytest.mark.parametrize("junk", [b"", b"not a database at all" * 100])
def test_a_file_that_is_no_database_any_more_is_kept_aside(
    junk: bytes, open_journal: Open, a_frame: Frames, tmp_path: Path
) -> None:
    journal = open_journal()
    fill(journal, a_frame, 2)
    journal.close()
    path = tmp_path / "journal.sqlite"
    path.write_bytes(junk)
    again = open_journal()
    assert again.id != journal.id
    assert again.append([a_frame()]) == 1
    assert bool(list(tmp_path.glob("*.damaged-*"))) == bool(junk)


def test_blocks_gone_bad_in_the_middle_cost_only_their_batches(
    open_journal: Open, a_frame: Frames, tmp_path: Path, noon: int
) -> None:
    journal = open_journal()
    for number in range(60):
        journal.append([a_frame(number + 1, payload=os.urandom(30_000))])
    journal.close()
    path = tmp_path / "journal.sqlite"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(40_000))
    again = open_journal()
    batches = again.read(0, 100)
    assert [batch.number for batch in batches] == list(range(1, 61)), "none is passed over in silence"
    whole = [batch.number for batch in batches if batch.damaged is None]
    assert 50 <= len(whole) < 60
    assert again.health(noon).status is Status.DEGRADED


def test_a_newer_file_is_refused_by_name(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    newer = FORMAT + 1
    journal._writer.execute("UPDATE meta SET value = ? WHERE key = 'format'", (str(newer),))
    journal.close()
    with pytest.raises(ConfigError, match=rf"journal\.sqlite has format {newer}, this program knows up to {FORMAT}"):
        open_journal()
    assert not list(tmp_path.glob("*.damaged-*"))


def test_an_older_file_is_brought_forward_step_by_step_or_not_at_all(open_journal: Open, tmp_path: Path) -> None:
    open_journal().close()
    steps: dict[int, journal_file.Migration] = {
        FORMAT: lambda db: db.execute("ALTER TABLE batches ADD COLUMN colour TEXT"),
        FORMAT + 1: lambda db: db.execute("ALTER TABLE batches ADD COLUMN broken NONSENSE DEFAULT (oops"),
    }
    path = tmp_path / "journal.sqlite"
    db = journal_file.connect(path)
    with pytest.raises(sqlite3.Error):
        journal_file.migrate(db, path, target=FORMAT + 2, migrations=steps)
    assert journal_file.read_meta(db)["format"] == str(FORMAT + 1)
    assert "colour" in {row[1] for row in db.execute("PRAGMA table_info(batches)")}
    db.close()


def test_a_copy_made_by_hand_of_an_open_journal_can_be_opened(
    open_journal: Open, a_frame: Frames, tmp_path: Path, clock: ManualClock
) -> None:
    journal = open_journal()
    fill(journal, a_frame, 3)
    for part in tmp_path.glob("journal.sqlite*"):
        shutil.copy(part, tmp_path / part.name.replace("journal", "copy"))
    copy = Journal(tmp_path / "copy.sqlite", JournalSettings(min_free=0), clock)
    copy.open()
    assert [batch.number for batch in copy.read(0, 9)] == [1, 2, 3]
    copy.close()


def test_a_journal_that_succeeds_another_keeps_its_numbers_under_a_new_id(
    open_journal: Callable[..., Journal], a_frame: Callable[..., Frame], tmp_path: Path
) -> None:
    journal = open_journal()
    for number in range(3):
        journal.append([a_frame(number)])
    old = journal.id
    journal.close()
    assert journal_file.succeed(tmp_path / "journal.sqlite") != old
    after = open_journal()
    assert after.id != old
    assert after.append([a_frame(9)]) == 4
    assert after.locate(Position(old, 2)) == 2
    assert after.locate(Position(old, 7)) == 3, "what the old journal appended later is not in this one"
    assert after.shared_up_to(Position(old, 2)) == 2
    assert after.shared_up_to(Position(old, 7)) == 3
    assert after.shared_up_to(Position(after.id, 4)) == 4
    assert after.shared_up_to(Position("another", 4)) == 0
