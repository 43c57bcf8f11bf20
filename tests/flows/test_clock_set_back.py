"""The machine's clock is set back: silences and delays are as long as a clock says that nobody can set."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.flows.batch import Mark
from tests.flows.community import HOUR, MINUTE, SECOND, START, Saying, Story, limit_rule, registry, silence_rule
from tests.flows.fakes import FakeRecords

BEAT = 10 * SECOND
RULES = (silence_rule(silence_ms=3 * MINUTE), limit_rule(on_delay_ms=5 * MINUTE))


class Machine:
    """A hub whose clock can be set, and devices that have none: everything counts on arrival."""

    def __init__(self, records: Any) -> None:
        self.story = Story(records, registry(*RULES, devices=("mute", "hot", "well")))
        self.passed = 0
        self.clock = START
        self.raised: dict[str, int] = {}

    def set_back(self, by: int) -> None:
        self.clock -= by
        self.story.say(Saying().set_back(self.clock, by))

    def beat(self, **values: float) -> None:
        """Who is named speaks; then ten seconds pass."""
        saying = Saying()
        for device, value in values.items():
            saying.value(device, value, self.clock, mark=Mark.ARRIVAL_TIME)
        self.story.say(saying)
        self.passed += BEAT
        self.clock += BEAT
        self.story.wait_until(self.clock)
        for alarm in self.story.alarms():
            if alarm.active:
                self.raised.setdefault(alarm.device.rpartition("~")[2], self.passed)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.dictionaries(
        st.integers(0, 50), st.sampled_from([2 * SECOND, MINUTE, 4 * MINUTE, HOUR, 26 * HOUR]), max_size=4
    ),
    last_word=st.integers(0, 15),
    gets_hot=st.integers(0, 15),
    crash=st.none() | st.integers(1, 50),
)
def test_whoever_falls_silent_or_stays_hot_is_found_after_its_own_delay(
    steps: dict[int, int], last_word: int, gets_hot: int, crash: int | None
) -> None:
    machine = Machine(FakeRecords())
    for number in range(55):
        if number in steps:
            machine.set_back(steps[number])
        if number == crash:
            machine.story.crash()
        said = {"well": 40.0, "hot": 92.0 if number >= gets_hot else 40.0}
        machine.beat(**said, **({"mute": 40.0} if number <= last_word else {}))
    assert machine.raised == {"mute": last_word * BEAT + 3 * MINUTE, "hot": gets_hot * BEAT + 5 * MINUTE}


def test_what_is_found_after_the_step_is_told_by_the_new_time(records: Any) -> None:
    machine = Machine(records)
    machine.beat(mute=40.0, hot=40.0, well=40.0)
    machine.set_back(HOUR)
    for _ in range(31):
        machine.beat(mute=40.0, hot=92.0, well=40.0)
    assert START - HOUR < machine.story.ticket().reported_at <= machine.clock
    notices = machine.story.notices()
    assert notices
    assert all(notice.next_at <= machine.clock for notice in notices), "the sender's clock is the machine's"


def test_each_step_is_on_record(records: Any) -> None:
    machine = Machine(records)
    machine.beat(mute=40.0)
    machine.set_back(HOUR)
    [gap] = machine.story.records.read(lambda books: books.gaps.latest(10))
    assert (gap.kind, gap.ended_at - gap.started_at) == ("set_back", HOUR)
