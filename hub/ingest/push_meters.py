"""What pushes and polls count."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

_ANSWER_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


class PushMeters:
    """One set for all sources of a process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "hub_push_requests",
            "Requests to a push source, by what became of them.",
            ["source", "outcome"],
            registry=registry,
        )
        self.unknown = Counter("hub_push_unknown", "Requests to sources that there are not.", registry=registry)
        self.answer_seconds = Histogram(
            "hub_push_answer_seconds",
            "Time from the whole body to the answer.",
            buckets=_ANSWER_BUCKETS,
            registry=registry,
        )


class PollMeters:
    """One set for all polls of a process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rounds = Counter(
            "hub_poll_rounds",
            "Questions to vendors' clouds, by what came back.",
            ["source", "outcome"],
            registry=registry,
        )
