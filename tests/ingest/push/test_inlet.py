"""Nothing is answered 200 before it is durable; what comes again is known; who comes too fast or with a lie is told so."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hub.clock import HOUR, MINUTE, SECOND
from hub.domain.health import Status
from hub.flows.pushing import Answer, Delivery
from hub.ingest import push_source
from hub.ingest.control import SIGNED_TOPIC
from hub.ingest.push import UNDER_WAY
from tests.ingest.conftest import HeldIntake, eventually
from tests.ingest.push.conftest import KEY, NOON, SECRET, Rig, from_ctwing, from_onenet, onenet, signed

BODY = b'{"device":"86","values":{"level":1.5}}'


def answered(rig: Rig, *deliveries: Delivery) -> list[int]:
    return [rig.inlet.take(delivery).status for delivery in deliveries]


# --- the promise ------------------------------------------------------------------------------------------------


def test_a_push_is_a_frame_of_its_own_topic_and_connection(rig: Rig) -> None:
    answer = rig.inlet.take(from_ctwing(BODY, **{"content-type": "application/json;charset=utf-8"}))
    assert answer == Answer(200, text="ok")
    (frame,) = rig.intake.journal
    assert (frame.connection, frame.topic, frame.payload) == ("push:ctwing", b"http/ctwing", BODY)
    assert (frame.received_at, frame.content_type) == (NOON, "application/json;charset=utf-8")
    assert frame.packet_id, "a message without a number would be dropped where intake is behind"
    assert rig.count("ctwing", "accepted") == 1


def test_nobody_is_answered_before_the_commit(make_rig: Callable[..., Rig], intake: HeldIntake) -> None:
    intake.held = True
    rig, answers = make_rig(), list[Answer]()
    asking = threading.Thread(target=lambda: answers.append(rig.inlet.take(from_ctwing(BODY))))
    asking.start()
    eventually(lambda: intake.waiting, "the frame is handed over")
    assert answers == []
    intake.commit()
    asking.join(20)
    assert [answer.status for answer in answers] == [200]


def test_a_journal_that_does_not_commit_is_answered_503_and_never_200(
    make_rig: Callable[..., Rig], intake: HeldIntake
) -> None:
    intake.held = True
    rig = make_rig(answer_within_ms=50)
    answer = rig.inlet.take(from_ctwing(BODY))
    assert (answer.status, answer.slug, answer.retry_after_s) == (503, "not_durable", 1)
    assert rig.count("ctwing", "turned_away") == 1
    assert rig.count("ctwing", "accepted") == 0


@pytest.mark.parametrize("committed_meanwhile", [True, False])
def test_what_was_left_behind_is_not_journalled_twice_when_it_comes_again(
    make_rig: Callable[..., Rig], intake: HeldIntake, *, committed_meanwhile: bool
) -> None:
    intake.held = True
    rig = make_rig(answer_within_ms=50)
    assert answered(rig, from_ctwing(BODY)) == [503]
    if committed_meanwhile:
        intake.commit()
    else:
        assert answered(rig, from_ctwing(BODY), from_ctwing(BODY)) == [503, 503], "each return joins the one under way"
        intake.commit()
    assert answered(rig, from_ctwing(BODY)) == [200]
    assert [frame.payload for frame in intake.journal] == [BODY]


def test_one_left_behind_answers_for_one_return(make_rig: Callable[..., Rig], intake: HeldIntake) -> None:
    intake.held = True
    rig = make_rig(answer_within_ms=50)
    answered(rig, from_ctwing(BODY))
    intake.commit()
    intake.held = False
    assert answered(rig, from_ctwing(BODY), from_ctwing(BODY)) == [200, 200]
    assert len(intake.journal) == 2, "the second equal message is a message"


def test_an_equal_message_much_later_is_no_return(make_rig: Callable[..., Rig], intake: HeldIntake) -> None:
    intake.held = True
    rig = make_rig(answer_within_ms=50)
    answered(rig, from_ctwing(BODY))
    intake.commit()
    intake.held = False
    rig.clock.advance(11 * MINUTE)
    assert answered(rig, from_ctwing(BODY)) == [200]
    assert len(intake.journal) == 2


def test_a_journal_that_stands_still_does_not_fill_the_memory(make_rig: Callable[..., Rig], intake: HeldIntake) -> None:
    intake.held = True
    rig = make_rig(answer_within_ms=50, rate_per_s=10_000)
    for number in range(UNDER_WAY):  # as if each had been left by its sender
        assert rig.inlet._commits.put("push:ctwing", "http/ctwing", b"%d" % number, received_at=NOON, content_type="")
    assert answered(rig, from_ctwing(BODY)) == [503]
    assert len(intake.waiting) == UNDER_WAY
    intake.commit()
    intake.held = False
    assert answered(rig, from_ctwing(BODY)) == [200]


def test_an_intake_that_is_full_takes_no_push(rig: Rig, intake: HeldIntake) -> None:
    intake.full = True
    assert answered(rig, from_ctwing(BODY)) == [503]
    assert intake.puts == 0


def test_only_so_many_wait_at_once(make_rig: Callable[..., Rig], intake: HeldIntake) -> None:
    intake.held = True
    rig = make_rig(at_once=2)
    with ThreadPoolExecutor(2) as waiting:
        held = [waiting.submit(rig.inlet.take, from_ctwing(b"%d" % number)) for number in range(2)]
        eventually(lambda: len(intake.waiting) == 2, "two wait")
        third = rig.inlet.take(from_ctwing(BODY))
        assert (third.status, third.retry_after_s) == (503, 1)
        intake.commit()
        assert [each.result(20).status for each in held] == [200, 200]


# --- sent again -------------------------------------------------------------------------------------------------


def test_a_signed_push_that_comes_again_is_answered_and_not_kept(rig: Rig) -> None:
    first, other = onenet('{"at":1}'), onenet('{"at":1}', nonce="other567")
    assert answered(rig, from_onenet(first), from_onenet(first), from_onenet(other)) == [200, 200, 200]
    assert [frame.payload for frame in rig.intake.journal] == [first, other]
    assert (rig.count("onenet", "accepted"), rig.count("onenet", "repeat")) == (2, 1)


def test_a_repeat_waits_for_the_commit_of_the_first(make_rig: Callable[..., Rig], intake: HeldIntake) -> None:
    intake.held = True
    rig, body = make_rig(), onenet("{}")
    with ThreadPoolExecutor(2) as asking:
        both = [asking.submit(rig.inlet.take, from_onenet(body)) for _ in range(2)]
        eventually(lambda: intake.waiting, "one is handed over")
        assert not any(each.done() for each in both)
        intake.commit()
        assert [each.result(20).status for each in both] == [200, 200]
    assert len(intake.journal) == 1


def test_two_equal_ones_at_the_same_moment_are_one(
    make_rig: Callable[..., Rig], intake: HeldIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, body, both_are_in, put = make_rig(), onenet("{}"), threading.Semaphore(0), intake.put

    def slow_put(*frames: Any) -> None:
        both_are_in.acquire(timeout=20)
        both_are_in.acquire(timeout=20)
        both_are_in.release(2)
        put(*frames)

    def paced(_now: int) -> int:
        both_are_in.release()
        return 0

    monkeypatch.setattr(intake, "put", slow_put)
    monkeypatch.setattr(rig.inlet._sources["onenet"], "pace", paced)
    with ThreadPoolExecutor(2) as asking:
        assert [
            each.result(20).status for each in [asking.submit(rig.inlet.take, from_onenet(body)) for _ in "ab"]
        ] == [200, 200]
    assert len(intake.journal) == 1


def test_signed_pushes_are_known_again_from_the_journal(make_rig: Callable[..., Rig], intake: HeldIntake) -> None:
    """Killed after the commit and before the answer: the cloud sends it again to the next hub."""
    body = onenet("{}")
    assert answered(make_rig(), from_onenet(body)) == [200]
    after = make_rig()
    after.inlet.open(intake.recent(100))
    assert answered(after, from_onenet(body)) == [200]
    assert len(intake.journal) == 1
    assert after.count("onenet", "repeat") == 1


def timed(at: int) -> Delivery:
    return Delivery(source="timed", headers={"hub-signature": signed(BODY, at)}, body=BODY)


def test_a_timed_signature_counts_once(rig: Rig) -> None:
    assert answered(rig, timed(NOON), timed(NOON), timed(NOON + SECOND)) == [200, 200, 200]
    assert len(rig.intake.messages()) == 2


def test_a_timed_signature_is_known_again_by_the_note_beside_its_push(
    make_rig: Callable[..., Rig], intake: HeldIntake
) -> None:
    """The body alone does not tell its time: whoever caught it could play it to the next hub."""
    assert answered(make_rig(), timed(NOON)) == [200]
    push, note = intake.journal
    assert (push.topic, note.topic, note.connection) == (b"http/timed", SIGNED_TOPIC, "push:timed")
    after = make_rig()
    after.inlet.open(list(intake.journal))
    assert answered(after, timed(NOON), timed(NOON + SECOND)) == [200, 200]
    assert len(intake.messages()) == 2
    assert after.count("timed", "repeat") == 1


def test_a_timed_signature_is_remembered_while_it_is_good_and_no_longer(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_source, "KEYS_KEPT", 1)
    assert answered(rig, *(timed(NOON + ahead * SECOND) for ahead in (300, 0, 1))) == [200, 200, 200]
    rig.clock.advance(600 * SECOND)
    assert answered(rig, timed(NOON + 300 * SECOND)) == [200]
    assert rig.count("timed", "repeat") == 1
    rig.clock.advance(1)
    assert answered(rig, timed(NOON + 601 * SECOND)) == [200]
    assert len(rig.inlet._sources["timed"]._keys) == 1


def test_two_equal_messages_without_time_or_number_are_two(rig: Rig) -> None:
    assert answered(rig, from_ctwing(BODY), from_ctwing(BODY)) == [200, 200]
    assert len(rig.intake.journal) == 2


# --- refused ----------------------------------------------------------------------------------------------------


def test_a_source_that_there_is_not_names_no_other(rig: Rig) -> None:
    for name in ("nobody", "CTWING", "", "push:ctwing", "ctwing\0"):
        answer = rig.inlet.look(Delivery(source=name, secret=SECRET))
        assert answer == Answer(404, "not_found", "no such source")
    assert rig.registry.get_sample_value("hub_push_unknown_total") == 5


def test_a_lie_is_refused_counted_and_seen(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    wrong = Delivery(source="plain", headers={"x-hub-signature-256": "0" * 64}, body=BODY)
    assert answered(rig, wrong, wrong) == [403, 403]
    for shown, status in ((from_ctwing(b"", secret="wrong"), 403), (Delivery(source="ctwing"), 401)):
        early = rig.inlet.look(shown)
        assert early is not None
        assert early.status == status, "refused before its body is read"
    assert rig.intake.journal == []
    assert (rig.count("plain", "refused"), rig.count("ctwing", "refused")) == (2, 2)
    line = rig.health("plain")
    assert line.status is Status.DEGRADED
    assert line.reason.startswith("the last push was refused: ")
    assert (line.facts["refused"], line.facts["refused_at"]) == (2, NOON)
    assert len([record for record in caplog.records if "plain" in record.getMessage()]) == 1, "said once a minute"
    assert SECRET not in caplog.text
    assert KEY not in caplog.text


def test_a_refusal_is_forgotten_when_the_cloud_is_heard_again_or_an_hour_has_gone(rig: Rig) -> None:
    for source in ("ctwing", "plain"):
        rig.inlet.look(Delivery(source=source, secret="wrong"))
        rig.inlet.take(Delivery(source=source, secret="wrong", headers={"x-hub-signature-256": "0" * 64}))
    rig.clock.advance(SECOND)
    rig.inlet.take(from_ctwing(BODY))
    assert rig.health("ctwing").status is Status.OK
    assert rig.health("plain").status is Status.DEGRADED
    rig.clock.advance(HOUR + SECOND)
    assert rig.health("plain").status is Status.OK
    assert rig.health("plain").facts["refused"] == 1


def test_the_handshake(rig: Rig) -> None:
    asked = {"msg": "hello", "nonce": "aB3dE6gH", "signature": "rP4sNmxoioNqEiyeHGTR+w=="}
    assert rig.inlet.greet(Delivery(source="onenet", query=asked)) == Answer(200, text="hello")
    assert rig.inlet.greet(Delivery(source="onenet", query=asked | {"msg": "x"})).status == 403
    assert rig.inlet.greet(Delivery(source="ctwing", query=asked)).status == 405
    assert rig.inlet.greet(Delivery(source="plain", query=asked)).status == 405
    assert rig.inlet.greet(Delivery(source="ctwing", secret=SECRET)) == Answer(200, text="ok")
    assert rig.inlet.greet(Delivery(source="nobody", query=asked)).status == 404
    assert rig.intake.journal == []
    assert rig.health("ctwing").status is Status.OK, "somebody who looks at the address is no trouble"


# --- pace and silence -------------------------------------------------------------------------------------------


def test_who_comes_too_fast_is_told_when_to_come_again(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(rate_per_s=0.5)
    statuses = answered(rig, *[from_ctwing(b"%d" % number) for number in range(7)])
    assert statuses == [200] * 5 + [429] * 2
    assert rig.inlet.take(from_ctwing(BODY)).retry_after_s == 2
    assert answered(rig, from_onenet(onenet("{}"))) == [200], "another source is not held up"
    rig.clock.advance(2 * SECOND)
    assert answered(rig, from_ctwing(BODY), from_ctwing(BODY)) == [200, 429]
    assert rig.count("ctwing", "limited") == 4


def test_lies_do_not_use_up_the_pace_of_the_true_source(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(rate_per_s=0.1)
    assert answered(rig, *[from_ctwing(BODY, secret="wrong")] * 20) == [403] * 20
    assert answered(rig, from_ctwing(BODY)) == [200]


def test_a_silence_is_trouble_only_where_words_are_expected(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(expect_every_s=3600)
    rig.clock.advance(HOUR)
    assert rig.health("ctwing").status is Status.OK
    rig.clock.advance(30 * MINUTE)
    line = rig.health("ctwing")
    assert line.status is Status.DEGRADED
    assert line.reason.startswith("nothing for 1.5 h, expected every 1 h")
    assert rig.health("onenet").status is Status.OK
    rig.inlet.take(from_ctwing(BODY))
    assert rig.health("ctwing").status is Status.OK
    assert rig.health("ctwing").facts["heard_at"] == rig.clock.now()
