"""Sources and polls in hub.toml: what is wrong is named, and a secret is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.errors import ConfigError
from hub.settings import Settings, load

GOOD = """
[[push.sources]]
name = "ctwing"
community = "garden"
format = "pushed"
secret = "a-secret-of-the-tests-0123456789"

[[push.polls]]
name = "meters"
community = "garden"
format = "pushed"
url = "https://cloud.example/x?since={since_s}&after={cursor}"
headers = { Authorization = "Bearer {secret}" }
secret_file = "FILE"
"""


def read(folder: Path, text: str) -> Settings:
    path = folder / "hub.toml"
    (folder / "secret").write_text("the-secret-of-the-file\n", encoding="utf-8")
    path.write_text(text.replace("FILE", str(folder / "secret")), encoding="utf-8")
    return load(path)


def test_what_is_right_is_taken(tmp_path: Path) -> None:
    push = read(tmp_path, GOOD).push
    assert push.sources[0].secret == "a-secret-of-the-tests-0123456789"
    assert push.polls[0].secret == "the-secret-of-the-file"
    assert "secret-of" not in repr(push)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "ctwing"', 'name = "CTWing"', "push.sources.0.name"),
        ('name = "ctwing"', f'name = "{"x" * 49}"', "push.sources.0.name"),
        ('name = "ctwing"', 'name = "meters"', "have the same name"),
        ('secret = "a-secret-of-the-tests-0123456789"', "", "secret (or secret_file): expected 16 to 200"),
        ('secret = "a-secret-of-the-tests-0123456789"', 'secret = "short"', "expected 16 to 200"),
        ('secret = "a-secret-of-the-tests-0123456789"', 'secret = "a/secret/with/slashes"', "letters, digits"),
        ('secret = "a-secret-of-the-tests-0123456789"', 'secret_file = "/dev/null/x"', "cannot be read"),
        ('secret_file = "FILE"', 'secret_file = "FILE"\nsecret = "x"', "are both set"),
        ('secret = "a-', 'nonsense = 1\nsecret = "a-', "unknown key push.sources.0.nonsense"),
        ('secret = "a-secret-of-the-tests-0123456789"', "secret = 1234567890123456", "found ***"),
        ('secret = "a-', 'check = "md5"\nsecret = "a-', "'onenet'"),
        ("{cursor}", "{password}", "nothing fills in {password}: expected {secret}, {cursor}"),
        ("Bearer {secret}", "Bearer {token}", "nothing fills in {token}"),
        ("https://cloud", "ftp://cloud", "expected https:// or http://"),
        ("Bearer {secret}", "Bearer\\n{secret}", "one line of text"),
    ],
)
def test_what_is_wrong_is_named_without_the_secret(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert words in str(refused.value)
    for secret in (
        "a-secret-of-the-tests",
        "the-secret-of-the-file",
        "slashes",
        '"short"',
        "'short'",
        "1234567890123456",
    ):
        assert secret not in str(refused.value)
