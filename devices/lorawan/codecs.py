"""Which maker's grammar the bytes of a device are in: by what an installer said, else by what is announced of it.

An installer says it as a tag (ChirpStack) or attribute (The Things Stack) called ``codec``: ``cayenne``, ``elsys``,
``milesight am307``, ``decentlab dl-5tm``, ``dl-pr36 kp=8192``, or ``none``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final, NamedTuple

from devices.lorawan import cayenne, decentlab, elsys, milesight
from devices.lorawan.layout import Frame, Trouble

Read = Callable[[bytes, int], Frame]
"""The payload and its port -> what it says. Never raises."""

_SAY: Final = "cayenne, elsys, milesight MODEL, decentlab MODEL or none"


class Codec(NamedTuple):
    """A reader of bytes."""

    maker: str
    """As the table of fields names makers."""
    read: Read


def _cayenne(payload: bytes, port: int) -> Frame:
    return cayenne.read(payload)


def _decentlab(ordered: decentlab.Ordered, payload: bytes, port: int) -> Frame:
    return decentlab.read(payload, ordered)


def _milesight(model: milesight.Model, payload: bytes, port: int) -> Frame:
    return milesight.read(payload, model)


def _nothing(payload: bytes, port: int) -> Frame:
    return Frame({})


@lru_cache(maxsize=1024)
def choose(said: str, described: str) -> Codec | Trouble:
    """The codec for a device. ``said``: the installer's word; ``described``: maker, model, profile; both lower case."""
    if said == "none":
        return Codec("", _nothing)
    if said:
        return _named(said) or Trouble("unknown_codec", f"codec {said!r} is not {_SAY}")
    found = _named(described)
    if found is not None:
        return found
    what = f"the profile {described!r} names no maker whose bytes are known" if described else "no maker is named"
    return Trouble("no_codec", f"{what}: set a codec on the network server, or a tag codec = {_SAY}")


def _named(text: str) -> Codec | Trouble | None:
    ordered = decentlab.find(text)
    if ordered is not None:
        return Codec("decentlab", partial(_decentlab, ordered))
    if "decentlab" in text:
        return Trouble("model_missing", f"{text!r} names no model: say it in the codec, e.g. decentlab dl-5tm")
    if "milesight" in text:
        return Codec("milesight", partial(_milesight, milesight.find(text)))
    if "elsys" in text:
        return Codec("elsys", elsys.read)
    return Codec("", _cayenne) if "cayenne" in text else None
