"""Building 5 of Harmony Garden loses its power for twenty minutes: one thing is told, and its return tells nothing new."""

from __future__ import annotations

from devices.simulator import scenario
from devices.simulator.play import Play
from hub.clock import MINUTE, SECOND
from hub.commands.simulated_community import simulated
from hub.domain.alarms import Overlay
from hub.domain.notices import NoticeKind
from hub.domain.tickets import TicketState
from hub.storage.unit import SqlRecords
from tests.acceptance.test_scenarios import BEFORE, COMMUNITY, SPOKEN, START, frames_of, garden
from tests.acceptance.virtual import VirtualHub

CUT = START + 30 * SECOND
BACK = CUT + 20 * MINUTE


def test_a_building_without_power_is_one_alarm_one_ticket_and_one_notice(records: SqlRecords) -> None:
    play = Play(
        community=simulated(garden(), seed=1), scenario=scenario.load("building-power-cut"), start=START, seed=1
    )
    hub = VirtualHub(garden(), records, start=START - BEFORE, spoken=[SPOKEN])
    for frames in frames_of(play, START - BEFORE, BACK):
        hub.hear(frames)

    told = [alarm for alarm in hub.alarms() if alarm.active and alarm.overlay is Overlay.NONE]
    assert [(alarm.failure_mode, alarm.unit) for alarm in told] == [("power_or_uplink_lost", "b5")]
    (ticket,) = hub.tickets()
    assert ticket.title_zh == "5栋：停电或网络中断"
    crew = garden().crew_for(COMMUNITY, "")
    assert crew is not None
    assert sorted(notice.contact for notice in hub.notices()) == sorted(contact.id for contact in crew.contacts)
    assert {notice.kind for notice in hub.notices()} == {NoticeKind.OPENED}

    covered = [alarm for alarm in hub.alarms() if alarm.overlay is Overlay.SUPPRESSED]
    assert {f"{COMMUNITY}~gw-b5", f"{COMMUNITY}~gw-b5-lift"} <= {alarm.device for alarm in covered}
    assert len(covered) > 10, "what is behind them is explained by them"
    lifts = {facility for _, facility in hub.lane.live.lost_facilities()}
    assert lifts >= {"lift-b5-1", "lift-b5-2"}
    assert all("5栋1号梯" in notice.body for notice in hub.notices() if notice.language == "zh-CN")

    for frames in frames_of(play, BACK, BACK + 30 * MINUTE):
        hub.hear(frames)
    (ticket,) = hub.tickets()
    assert (ticket.state, ticket.verified) == (TicketState.RESOLVED, "sensor")
    assert {notice.kind for notice in hub.notices()} == {NoticeKind.OPENED, NoticeKind.RESTORED}
    assert not [alarm for alarm in hub.alarms() if alarm.active or alarm.overlay is not Overlay.NONE]
    assert hub.lane.live.lost_facilities() == frozenset()
