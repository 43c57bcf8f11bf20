"""The setting's URL: every form that is meant, and what is said about the others."""

from __future__ import annotations

import pytest

from hub.storage.influx.target import Target, is_target, parse


def target(**more: str) -> Target:
    given = {
        "url": "http://db.example:8086",
        "org": "",
        "database": "",
        "retention": "",
        "user": "",
        "secret": "",
        "ca_file": "",
    }
    return Target(**given | more)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("influxdb://t0k@db.example:8086/acme/readings", target(org="acme", database="readings", secret="t0k")),
        ("influxdb://db.example/readings", target(database="readings")),
        ("influxdb://hub:p%40ss@db.example/readings", target(database="readings", user="hub", secret="p@ss")),
        (
            "influxdb://hub:pw@db.example/readings/year",
            target(database="readings", retention="year", user="hub", secret="pw"),
        ),
        ("influxdb://t0k@db.example/readings", target(database="readings", secret="t0k")),
        (
            "influxdb+https://t0k@[::1]:443/a%20b/c?ca_file=/etc/ca.pem",
            target(url="https://[::1]:443", org="a b", database="c", secret="t0k", ca_file="/etc/ca.pem"),
        ),
    ],
)
def test_what_a_url_means(url: str, wanted: Target) -> None:
    assert is_target(url)
    assert parse(url) == wanted


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://db.example/readings", "http: expected influxdb://"),
        ("influxdb:///readings", "no host"),
        ("influxdb://db.example", "0 names after the host"),
        ("influxdb://t0k@db.example/a/b/c", "3 names after the host"),
        ("influxdb://db.example/acme/readings", "and no token"),
        ("influxdb://db.example:99999/readings", "the port is no number"),
        ("influxdb://db.example/readings?tls=no", "unknown option tls: only ca_file=FILE"),
    ],
)
def test_what_is_said_of_a_url_that_cannot_be_used(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(url)


def test_no_secret_is_shown() -> None:
    for url in ("influxdb://s3cret@h/o/b", "influxdb://hub:s3cret@h/d/year"):
        assert "s3cret" not in parse(url).shown
        with pytest.raises(ValueError, match="expected") as refused:
            parse(url + "/x/y")
        assert "s3cret" not in str(refused.value)
