"""What the receiver does when connections break, sessions go, and somebody else's code raises."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hub.clock import HOUR, MINUTE, WallClock
from hub.domain.health import Status
from hub.flows.batch import Gap
from hub.ingest.frames import BEAT_ROOT, DUP

from .conftest import Broker, Device, HeldIntake, Rig, eventually

pytestmark = pytest.mark.servers


def numbers(intake: HeldIntake) -> list[int]:
    return [int(frame.payload) for frame in intake.messages()]


def say(device: Device, first: int, last: int) -> None:
    device.say([b"%d" % number for number in range(first, last)])


def test_nothing_is_acknowledged_before_its_commit(broker: Broker, device: Device, rig: Rig, transport: str) -> None:
    rig.intake.held = True
    receiver = rig.started(broker.url(), transport=transport)
    say(device, 0, 50)
    eventually(lambda: rig.intake.count_waiting() == 50, "50 messages handed over")
    assert rig.count("acknowledged_total") == 0
    receiver.stop()

    # A second run of the hub: nothing was journalled, so everything comes again and is taken.
    rig.intake.waiting.clear()
    rig.intake.held = False
    rig.started(broker.url(), transport=transport)
    eventually(lambda: len(rig.intake.messages()) >= 50, "all 50 again")
    assert numbers(rig.intake) == list(range(50))
    assert all(frame.flags & DUP for frame in rig.intake.messages())


def test_the_door_turns_away_exactly_what_the_journal_holds(
    broker: Broker, device: Device, rig: Rig, transport: str
) -> None:
    rig.intake.held = True
    receiver = rig.started(broker.url(), transport=transport, heartbeat_s=60)
    say(device, 0, 30)
    eventually(lambda: rig.intake.count_waiting() == 30, "30 handed over")
    rig.intake.commit(acknowledge=False)  # killed between commit and acknowledgement
    say(device, 30, 50)
    eventually(lambda: rig.intake.count_waiting() == 20, "20 more handed over")
    receiver.stop()
    rig.intake.waiting.clear()  # and the second half never reached the disk

    rig.intake.held = False
    rig.started(broker.url(), transport=transport, heartbeat_s=60)
    eventually(lambda: len(rig.intake.messages()) >= 50, "the second half again")
    assert numbers(rig.intake) == list(range(50))
    assert rig.count("repeats_total") >= 30
    say(device, 50, 60)
    eventually(lambda: len(rig.intake.messages()) >= 60, "new messages")
    assert numbers(rig.intake) == list(range(60))


def test_equal_messages_are_two_readings(broker: Broker, device: Device, rig: Rig, transport: str) -> None:
    receiver = rig.started(broker.url(), transport=transport)
    device.say([b"same"] * 20)
    eventually(lambda: len(rig.intake.messages()) == 20, "20 equal messages")
    receiver.stop()
    rig.started(broker.url(), transport=transport)
    device.say([b"same"] * 20)
    eventually(lambda: len(rig.intake.messages()) == 40, "20 more equal messages")


def test_messages_sent_while_the_hub_was_away_are_kept_for_it(
    broker: Broker, device: Device, rig: Rig, transport: str
) -> None:
    rig.started(broker.url(), transport=transport).stop()
    say(device, 0, 2000)
    rig.started(broker.url(), transport=transport)
    eventually(lambda: len(rig.intake.messages()) >= 2000, "2,000 kept messages")
    assert numbers(rig.intake) == list(range(2000))
    assert rig.intake.gaps() == []


def test_a_broken_connection_is_a_gap_told_before_anything_new(
    broker: Broker, device: Device, rig: Rig, transport: str
) -> None:
    before = WallClock().now()
    rig.started(broker.url(), transport=transport)
    device.say([b"before"])
    eventually(rig.intake.messages, "the first message")
    broker.stop()
    broker.start()
    later = Device(broker)
    later.say([b"after"])
    later.close()
    eventually(lambda: len(rig.intake.messages()) == 2, "a message over the new connection")
    (gap,) = rig.intake.gaps()
    assert (gap.connection, gap.kind) == ("main", "broker_down")
    assert before <= gap.started_at < gap.ended_at <= WallClock().now()
    order = [frame.topic for frame in rig.intake.journal if not frame.topic.startswith(BEAT_ROOT.encode())]
    assert order[1] == b"$hub/gap"


def test_a_broker_that_forgot_the_session_is_a_gap_and_old_acknowledgements_are_not_sent(
    make_broker: Callable[..., Broker], rig: Rig, transport: str
) -> None:
    broker = make_broker(persistent=False)
    rig.intake.held = True
    rig.started(broker.url(), transport=transport)
    device = Device(broker)
    say(device, 0, 10)
    eventually(lambda: rig.intake.count_waiting() == 10, "10 handed over")
    old = [entry for entry in rig.intake.waiting if entry[1] is not None]
    rig.intake.waiting.clear()
    device.close()
    broker.stop(signal.SIGKILL)
    broker.start()
    eventually(lambda: rig.count("connects_total") == 2, "a second connection")
    device = Device(broker)
    eventually(lambda: broker_has_subscription(device, rig), "messages come again")
    waiting = rig.intake.count_waiting()

    for frames, source, generation in old:  # ids 1 … 10 of the old session: they mean new messages by now
        assert source is not None
        source.acknowledge(generation, [frame.packet_id for frame in frames])
    eventually(lambda: rig.count("fenced_total") >= 10, "the old acknowledgements fenced off")
    assert rig.count("acknowledged_total") == 0
    assert "session_lost" in [gap.kind for gap in gaps_waiting(rig.intake)]

    rig.receivers[0].stop()
    rig.intake.waiting.clear()
    rig.intake.held = False
    rig.started(broker.url(), transport=transport)
    eventually(lambda: len(rig.intake.messages()) >= waiting, "every new message redelivered: none was acknowledged")
    device.close()


def broker_has_subscription(device: Device, rig: Rig) -> bool:
    device.say([b"0"])
    return rig.intake.count_waiting() > 3


def gaps_waiting(intake: HeldIntake) -> list[object]:
    copy = HeldIntake()
    copy.journal = [frame for frames, _, _ in list(intake.waiting) for frame in frames]
    return list(copy.gaps())


def test_an_intake_that_raises_ends_the_connection_and_loses_nothing(
    broker: Broker, device: Device, rig: Rig, transport: str
) -> None:
    receiver = rig.started(broker.url(), transport=transport, heartbeat_s=60)
    rig.intake.fail = RuntimeError("a bug in the intake")
    say(device, 0, 20)
    eventually(lambda: len(rig.intake.messages()) >= 20, "all messages in spite of the error")
    assert sorted(numbers(rig.intake)) == list(range(20))
    assert rig.count("errors_total") == 1
    health = receiver.health(WallClock().now())
    assert health.status is Status.DEGRADED
    assert "error ended the connection" in health.reason


def test_the_heartbeat_goes_through_the_journal(broker: Broker, rig: Rig, transport: str) -> None:
    receiver = rig.started(broker.url(), transport=transport, heartbeat_s=0.2)
    topic = f"{BEAT_ROOT}{receiver.client_id}".encode()

    def beats() -> list[int]:
        return [json.loads(frame.payload)["sent"] for frame in list(rig.intake.journal) if frame.topic == topic]

    eventually(lambda: len(beats()) >= 3, "three heartbeats")
    assert beats() == sorted(beats())
    receiver.beat_seen(beats()[-1])
    health = receiver.health(WallClock().now())
    assert health.status is Status.OK
    age = health.facts["beat_age_ms"]
    assert isinstance(age, int)


class SetForward(WallClock):
    """The machine's clock, and how far somebody has set it forward."""

    by = 0

    def now(self) -> int:
        return super().now() + self.by


def test_a_clock_that_is_set_forward_tears_no_connection_down(broker: Broker, rig: Rig, transport: str) -> None:
    clock = rig.clock = SetForward()
    receiver = rig.started(broker.url(), transport=transport, heartbeat_s=0.2)

    def beats() -> list[int]:
        topic = f"{BEAT_ROOT}{receiver.client_id}".encode()
        return [json.loads(frame.payload)["sent"] for frame in list(rig.intake.journal) if frame.topic == topic]

    eventually(beats, "a heartbeat")
    for hours in range(1, 6):
        receiver.beat_seen(beats()[-1])
        clock.by = hours * HOUR
        eventually(lambda: beats()[-1] >= clock.now() - MINUTE, "a heartbeat by the new time")
    assert rig.count("connects_total") == 1


def test_a_connection_through_which_nothing_comes_is_made_anew_and_at_last_given_up(
    make_broker: Callable[..., Broker], rig: Rig, transport: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rules = tmp_path_factory.mktemp("acl") / "acl"
    rules.write_text("topic readwrite #\ntopic read $SYS/#\n")
    broker = make_broker(extra=f"allow_anonymous true\nacl_file {rules}")
    receiver = rig.started(broker.url(), transport=transport, heartbeat_s=0.1)
    eventually(lambda: rig.intake.journal, "a heartbeat")
    receiver.beat_seen(WallClock().now())
    rules.write_text("topic read #\ntopic read $SYS/#\n")  # from now on the heartbeat is swallowed by the broker
    assert broker.process is not None
    broker.process.send_signal(signal.SIGHUP)
    eventually(lambda: rig.deaths, "the process is given up")
    assert rig.count("connects_total") >= 5
    assert "heartbeat" in rig.deaths[0]


def test_a_heartbeat_that_never_came_back_is_said_and_nothing_is_torn_down(
    make_broker: Callable[..., Broker], rig: Rig, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rules = tmp_path_factory.mktemp("acl") / "acl"
    rules.write_text("topic read #\n")
    broker = make_broker(extra=f"allow_anonymous true\nacl_file {rules}")
    receiver = rig.started(broker.url(), heartbeat_s=0.1)
    health = eventually(
        lambda: (found := receiver.health(WallClock().now())).status is Status.DEGRADED and found, "degraded"
    )
    assert f"{BEAT_ROOT}{receiver.client_id}" in health.reason
    assert rig.count("connects_total") == 1


def test_dropped_messages_of_the_broker_are_noted(make_broker: Callable[..., Broker], rig: Rig, transport: str) -> None:
    broker = make_broker(extra="allow_anonymous true\nmax_queued_messages 10")
    receiver = rig.started(broker.url(), transport=transport)
    # A listener that goes away and leaves its session: the broker queues for it, and drops.
    with_session = Properties(PacketTypes.CONNECT)
    with_session.SessionExpiryInterval = 600
    gone = mqtt.Client(CallbackAPIVersion.VERSION2, "gone", protocol=mqtt.MQTTv5)
    granted = threading.Event()
    gone.on_subscribe = lambda *_: granted.set()
    gone.connect("127.0.0.1", broker.ports["mqtt"], clean_start=False, properties=with_session)
    gone.loop_start()
    gone.subscribe("community/#", 1)
    assert granted.wait(10)
    gone.disconnect()
    gone.loop_stop()
    device = Device(broker)
    say(device, 0, 200)
    notes: list[Gap] = []
    eventually(
        lambda: notes.extend(gap for gap in rig.intake.gaps() if gap.kind == "broker_dropped") or notes, "a note"
    )
    assert rig.count("broker_dropped_total") > 0
    device.close()
    health = receiver.health(WallClock().now())
    assert health.status is Status.DEGRADED
    assert "max_queued_messages" in health.reason
    assert all(note.started_at == note.ended_at for note in notes)
    assert not [frame for frame in rig.intake.journal if frame.topic.startswith(b"$SYS")]


def test_a_full_intake_is_left_in_peace_and_messages_wait_in_the_broker(
    broker: Broker, device: Device, rig: Rig, transport: str
) -> None:
    rig.started(broker.url(), transport=transport)
    eventually(lambda: rig.intake.puts, "a first heartbeat")
    rig.intake.full = True
    say(device, 0, 100)
    puts = rig.intake.puts
    assert numbers(rig.intake) == []
    rig.intake.full = False
    eventually(lambda: len(rig.intake.messages()) == 100, "the messages, once there is room")
    assert rig.intake.puts > puts


def test_while_the_journal_does_not_commit_no_new_connection_is_made(
    broker: Broker, device: Device, rig: Rig, transport: str
) -> None:
    """Otherwise redeliveries would come before the door could know them."""
    receiver = rig.started(broker.url(), transport=transport, heartbeat_s=60)
    rig.intake.held = True
    say(device, 0, 20)
    eventually(lambda: rig.intake.count_waiting() == 20, "20 handed over")
    broker.stop()
    broker.start()
    eventually(lambda: "journal does not commit" in receiver.health(WallClock().now()).reason, "said in health")
    assert rig.count("connects_total") == 1
    rig.intake.held = False
    rig.intake.commit()
    later = Device(broker)
    say(later, 20, 40)
    later.close()
    eventually(lambda: len(rig.intake.messages()) >= 40, "all messages")
    assert numbers(rig.intake) == list(range(40))


def test_a_way_out_that_raises_does_not_end_the_receiver(
    make_broker: Callable[..., Broker], rig: Rig, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rules = tmp_path_factory.mktemp("acl") / "acl"
    rules.write_text("topic read #\n")
    broker = make_broker(extra=f"allow_anonymous true\nacl_file {rules}")

    def give_up(reason: str) -> None:
        rig.deaths.append(reason)
        rig.receivers[0].stop()
        raise RuntimeError("a bug in the way out")

    receiver = rig.receiver(broker.url(), heartbeat_s=0.05)
    receiver._on_dead = give_up
    receiver.start()
    receiver.beat_seen(1)  # one came back once, and never again
    eventually(lambda: rig.deaths, "given up")
    eventually(lambda: not receiver._thread.is_alive(), "stopped from its own thread")
    assert rig.count("errors_total") == 1
