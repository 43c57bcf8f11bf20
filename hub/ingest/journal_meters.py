"""What intake and lanes count, once per batch, for /metrics."""

from __future__ import annotations

from collections import Counter as Multiset
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from hub.domain.health import Health, Status
from hub.flows.batch import Decoded

_COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class IntakeMeters:
    """Messages on their way into the journal."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.messages = Counter("hub_journal_messages", "Messages committed to the journal.", registry=registry)
        self.batches = Counter("hub_journal_batches", "Batches committed to the journal.", registry=registry)
        self.bytes = Counter("hub_journal_payload_bytes", "Payload bytes committed.", registry=registry)
        self.qos0_dropped = Counter(
            "hub_intake_qos0_dropped", "QoS 0 messages dropped while intake was behind.", registry=registry
        )
        self.errors = Counter("hub_intake_ack_errors", "Acknowledgements that raised.", registry=registry)
        self.holding = Gauge("hub_intake_holding", "1 while the journal cannot be written.", registry=registry)
        self.commit_seconds = Histogram(
            "hub_journal_commit_seconds", "Time of one commit.", buckets=_COMMIT_BUCKETS, registry=registry
        )

    def committed(self, frames: int, size: int) -> None:
        """One batch is durable."""
        self.messages.inc(frames)
        self.batches.inc()
        self.bytes.inc(size)


class LaneMeter(NamedTuple):
    """One lane on its way along the journal."""

    messages: Counter
    batches: Counter
    retries: Counter
    poison: Counter
    lag_batches: Gauge
    lag_seconds: Gauge
    take_seconds: Histogram


class LaneMeters:
    """Those of all lanes of a process; one label per lane."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, words: str) -> Counter:
            return Counter(f"hub_lane_{name}", words, ["lane"], registry=registry)

        def gauge(name: str, words: str) -> Gauge:
            return Gauge(f"hub_lane_{name}", words, ["lane"], registry=registry)

        self._messages = counter("messages", "Messages taken by the lane.")
        self._batches = counter("batches", "Batches taken by the lane.")
        self._retries = counter("retries", "Times the lane had to wait before trying a batch again.")
        self._poison = counter("poison_frames", "Frames that the lane could not take.")
        self._lag_batches = gauge("lag_batches", "Batches behind the journal.")
        self._lag_seconds = gauge("lag_seconds", "Time behind the journal.")
        self._take_seconds = Histogram(
            "hub_lane_take_seconds", "Time of one batch.", ["lane"], buckets=_COMMIT_BUCKETS, registry=registry
        )

    def of(self, lane: str) -> LaneMeter:
        """The meters of the lane of this name."""
        return LaneMeter(
            messages=self._messages.labels(lane),
            batches=self._batches.labels(lane),
            retries=self._retries.labels(lane),
            poison=self._poison.labels(lane),
            lag_batches=self._lag_batches.labels(lane),
            lag_seconds=self._lag_seconds.labels(lane),
            take_seconds=self._take_seconds.labels(lane),
        )


class DecodingMeters:
    """What decoding made of the messages.

    ``note`` is a listener of the batch source; ``counts`` and ``clocks`` are handed to the decoders.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.readings = Counter("hub_decoded_readings", "Values read from messages.", registry=registry)
        self.refused = Counter(
            "hub_decoded_refused", "Messages, or parts of them, that went to quarantine.", ["reason"], registry=registry
        )
        self.passed_over = Counter(
            "hub_decoded_passed_over", "Repeats, unknown keys, clocks not believed.", ["what"], registry=registry
        )
        self.counts: dict[str, int] = {}
        self.clocks: dict[str, int] = {}
        """Device -> readings since the start whose time was not believed."""
        self._told: dict[str, int] = {}

    def note(self, decoded: Decoded) -> None:
        """Count one batch."""
        self.readings.inc(len(decoded.readings) + len(decoded.texts))
        for reason, number in Multiset(refusal.reason for refusal in decoded.refusals).items():
            self.refused.labels(reason).inc(number)
        for what, number in self.counts.items():
            self.passed_over.labels(what).inc(number - self._told.get(what, 0))
            self._told[what] = number

    def health(self, now: int) -> Health:
        """Never worse than well: a device with a wrong clock is the device's trouble, but has to be seen."""
        worst = sorted(self.clocks.copy().items(), key=lambda item: -item[1])[:3]
        facts: dict[str, str | int | float | None] = {
            "clock_problem_devices": len(self.clocks),
            "clock_problem_worst": ", ".join(f"{device} ({number})" for device, number in worst),
            "repeats": self.counts.get("repeat", 0),
            "unknown_keys": self.counts.get("unknown_key", 0),
        }
        return Health(component="decoding", status=Status.OK, facts=facts)
