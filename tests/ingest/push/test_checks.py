"""Whose push is it? Fixed examples made with openssl, every kind of wrong one, and anything at all."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.flows.pushing import Delivery
from hub.ingest.push_checks import Check, HmacCheck, OneNetCheck, SecretCheck, TimedHmacCheck, Verdict
from tests.ingest.push.conftest import KEY, NOON, SECRET, TOKEN, onenet, signed

BODY = b'{"level":402}'
MAC = "2c7fd94dd9a973e7e21767d59964bf55aa7e4fa56b5ea8acbdb7a630ccfdef6c"
"""printf '{"level":402}' | openssl dgst -sha256 -hmac KEY"""
TIMED_MAC = "5114e1644e6bb9c8287205550e211f36002fbc35724511a76ded67c5a817f80c"
"""The same of 1795000000.{"level":402}"""


def delivery(body: bytes = BODY, secret: str = "", **headers: str) -> Delivery:
    return Delivery(
        source="x", secret=secret, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body
    )


# --- a shared secret --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shown",
    [
        delivery(secret=SECRET),
        delivery(authorization=f"Bearer {SECRET}"),
        delivery(authorization=f"bearer  {SECRET} "),
        delivery(x_hub_secret=SECRET),
    ],
)
def test_the_secret_may_stand_in_the_path_or_in_a_header(shown: Delivery) -> None:
    assert SecretCheck(SECRET, None).judge(shown, NOON).slug == ""


@pytest.mark.parametrize(
    ("shown", "status", "slug"),
    [
        (delivery(), 401, "no_secret"),
        (delivery(x_other=SECRET), 401, "no_secret"),
        (delivery(authorization=f"Basic {SECRET}"), 401, "no_secret"),
        (delivery(secret=SECRET[:-1]), 403, "wrong_secret"),
        (delivery(secret=SECRET + "x"), 403, "wrong_secret"),
        (delivery(secret="wrong", authorization=f"Bearer {SECRET}"), 403, "wrong_secret"),
        (delivery(x_hub_secret="密码\udce9"), 403, "wrong_secret"),
    ],
)
def test_another_secret_is_refused(shown: Delivery, status: int, slug: str) -> None:
    verdict = SecretCheck(SECRET, None).early(shown)
    assert (verdict.status, verdict.slug) == (status, slug)
    assert SECRET not in verdict.detail


def test_a_header_of_the_clouds_own() -> None:
    check = SecretCheck(SECRET, "Token")
    assert check.judge(delivery(token=SECRET), NOON).slug == ""
    assert check.judge(delivery(x_hub_secret=SECRET), NOON).status == 401


# --- HMAC -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelt", [f"sha256={MAC}", MAC, MAC.upper(), f" {MAC} ", base64.b64encode(bytes.fromhex(MAC)).decode()]
)
def test_a_mac_in_each_spelling(spelt: str) -> None:
    verdict = HmacCheck(KEY, None).judge(delivery(x_hub_signature_256=spelt), NOON)
    assert verdict.slug == ""
    assert verdict.key is None, "nothing in it tells a repeat from an equal message"


@pytest.mark.parametrize(
    ("spelt", "status"),
    [
        ("", 401),
        ("sha256=", 403),
        (f"sha256={MAC[:-1]}0", 403),
        (f"sha1={MAC}", 403),
        ("not hex at all", 403),
        (TIMED_MAC, 403),
    ],
)
def test_a_wrong_mac_is_refused(spelt: str, status: int) -> None:
    assert HmacCheck(KEY, None).judge(delivery(x_hub_signature_256=spelt), NOON).status == status


def test_a_timed_mac_and_its_key() -> None:
    check = TimedHmacCheck(KEY, None, 300)
    verdict = check.judge(delivery(hub_signature=f"t=1795000000,v1={TIMED_MAC}"), NOON)
    assert verdict.slug == ""
    assert verdict.key is not None
    later = check.judge(delivery(hub_signature=signed(BODY, NOON + 1000)), NOON)
    assert later.key not in {None, verdict.key}, "signed anew it is another message"


@pytest.mark.parametrize(("at", "slug"), [(300, ""), (-300, ""), (301, "wrong_time"), (-301, "wrong_time")])
def test_an_old_signature_is_refused(at: int, slug: str) -> None:
    shown = delivery(hub_signature=signed(BODY, NOON))
    assert TimedHmacCheck(KEY, None, 300).judge(shown, NOON + at * 1000).slug == slug


@pytest.mark.parametrize(
    "spelt", [f"v1={TIMED_MAC}", f"t=1795000001,v1={TIMED_MAC}", f"t=x,v1={TIMED_MAC}", "t=1795000000", ",,=,", MAC]
)
def test_a_time_that_was_not_signed_is_refused(spelt: str) -> None:
    assert TimedHmacCheck(KEY, None, 300).judge(delivery(hub_signature=spelt), NOON).status == 403


def test_what_was_signed_with_a_time_is_no_signature_without_one() -> None:
    """``1795000000.{…}`` as a body would carry the same MAC: the two kinds are never tried on one another's header."""
    trick = delivery(b"1795000000." + BODY, hub_signature=TIMED_MAC)
    assert TimedHmacCheck(KEY, None, 300).judge(trick, NOON).status == 403


@pytest.mark.parametrize("moment", ["", "now", "1e9", "٣", "-1", "9" * 13])
def test_a_signed_time_that_is_none_is_refused(moment: str) -> None:
    import hashlib
    import hmac

    mac = hmac.new(KEY.encode(), moment.encode() + b"." + BODY, hashlib.sha256).hexdigest()
    verdict = TimedHmacCheck(KEY, None, 300).judge(delivery(hub_signature=f"t={moment},v1={mac}"), NOON)
    assert verdict.slug == "wrong_time"


# --- OneNET -----------------------------------------------------------------------------------------------------


def test_a_push_of_onenet_made_with_openssl() -> None:
    body = rb'{"msg":"{\"at\":1795000000000}","nonce":"aB3dE6gH","signature":"Hr6P5DpOuRMyk6f2JYB2Kg=="}'
    assert OneNetCheck(TOKEN).judge(delivery(body), NOON).slug == ""
    older = body.replace(b'"signature"', b'"msg_signature"')
    assert OneNetCheck(TOKEN).judge(delivery(older), NOON).slug == ""
    as_object = body.replace(rb'"{\"at\":1795000000000}"', b'{"at":1795000000000}')
    assert OneNetCheck(TOKEN).judge(delivery(as_object), NOON).slug == "", "signed as it was written"
    enciphered = body.replace(b'"msg"', b'"enc_msg"')
    assert OneNetCheck(TOKEN).judge(delivery(enciphered), NOON).slug == "", (
        "it is theirs; who can read it is another matter"
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (onenet("{}", token="another-token-of-another-hub"), 403),
        (onenet("{}").replace(b'"{}"', b'"[]"'), 403),
        (onenet("{}").replace(b"aB3dE6gH", b"aB3dE6gX"), 403),
        (b'{"msg":"{}","nonce":"aB3dE6gH"}', 403),
        (b'{"msg":"{}","signature":"x"}', 401),
        (b"{}", 401),
        (b"", 401),
        (b"\xff\xfe", 401),
        (b"[" * 10_000, 401),
    ],
)
def test_a_push_that_onenet_did_not_sign_is_refused(body: bytes, status: int) -> None:
    assert OneNetCheck(TOKEN).judge(delivery(body), NOON).status == status


def test_the_nonce_makes_a_push_one_of_its_own() -> None:
    check = OneNetCheck(TOKEN)
    first, again, other = onenet("{}"), onenet("{}"), onenet("{}", nonce="xxxxxxxx")
    assert check.judge(delivery(first), NOON).key == check.key_of(again)
    assert check.key_of(other) not in {None, check.key_of(first)}
    assert check.key_of(b"rubbish") is None


def test_the_handshake_gives_msg_back() -> None:
    asked = {"msg": "hello", "nonce": "aB3dE6gH", "signature": "rP4sNmxoioNqEiyeHGTR+w=="}
    check = OneNetCheck(TOKEN)

    def said(**other: str) -> object:
        found = check.greet(Delivery(source="x", query=asked | other))
        return found.status if isinstance(found, Verdict) else found

    assert said() == "hello"
    assert said(signature="rP4sNmxoioNqEiyeHGTR w==") == "hello", "a plus that came unquoted"
    assert [said(msg="hellO"), said(nonce="aB3dE6gX"), said(signature="x"), said(msg="x" * 1001)] == [403] * 4
    assert [said(msg=""), said(signature="")] == [None, None], "somebody looks at the address"


def test_a_source_with_a_secret_gives_msg_back_to_who_has_it() -> None:
    """OneNET's page allows it, and its newest pushes are not all signed."""
    check, query = SecretCheck(SECRET, None), {"msg": "hello"}
    assert check.greet(Delivery(source="x", secret=SECRET, query=query)) == "hello"
    assert check.greet(Delivery(source="x", secret=SECRET)) == "ok"
    assert check.greet(Delivery(source="x", query=query)) is None
    wrong = check.greet(Delivery(source="x", secret="wrong", query=query))
    assert isinstance(wrong, Verdict)
    assert wrong.status == 403
    assert HmacCheck(KEY, None).greet(Delivery(source="x", query=query)) is None


# --- anything ---------------------------------------------------------------------------------------------------

CHECKS: list[Check] = [
    SecretCheck(SECRET, None),
    HmacCheck(KEY, None),
    TimedHmacCheck(KEY, None, 300),
    OneNetCheck(TOKEN),
]


@given(
    body=st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(lambda x: json.dumps(x).encode()),
    header=st.text(max_size=100),
    secret=st.text(max_size=40),
)
def test_whatever_comes_is_answered_and_never_taken(body: bytes, header: str, secret: str) -> None:
    shown = Delivery(
        source="x",
        secret=secret,
        headers=dict.fromkeys(("authorization", "x-hub-secret", "hub-signature", "x-hub-signature-256"), header),
        query={"msg": header, "nonce": secret, "signature": header},
        body=body,
    )
    for check in CHECKS:
        assert check.judge(shown, NOON).status in {401, 403}
        check.early(shown)
        check.key_of(body)
        assert not isinstance(check.greet(shown), str)
