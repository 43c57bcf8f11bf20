"""hub check tries the brokers that the settings name."""

from __future__ import annotations

import pytest

from hub.cli import main
from hub.ingest.listening import any_free


def test_a_broker_that_is_not_there_makes_the_check_fail_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = any_free("127.0.0.1")
    monkeypatch.setenv("HUB_MQTT__URL", f"mqtt://127.0.0.1:{port}")
    assert main(["check"]) == 1
    assert f"nothing listens on port {port}" in capsys.readouterr().out


def test_without_a_broker_in_the_settings_none_is_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert "broker" not in capsys.readouterr().out
