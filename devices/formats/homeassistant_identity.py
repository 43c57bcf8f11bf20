"""Who a discovered device is: the radio address that its identifiers hold, or the first identifier itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from devices.contract import DeviceRef
from devices.formats.points import clean, plain_id

_IEEE: Final = re.compile(r"(?<![0-9A-Za-z])0x([0-9A-Fa-f]{16})(?![0-9A-Za-z])")
"""``zigbee2mqtt_0x00158d…``; the underscore before it is no letter, the class below has to say so."""
_MAC: Final = re.compile(r"(?<![0-9A-Fa-f])((?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2})(?![0-9A-Fa-f:-])")
_BARE_MAC: Final = re.compile(r"(?<![0-9A-Za-z])([0-9A-Fa-f]{12})(?![0-9A-Za-z])")
_SCHEMES: Final = {"zigbee": "ieee", "mac": "mac", "bluetooth": "mac"}
_MOST: Final = 8


def refs_of(device: dict[str, Any], otherwise: str, community: str) -> list[DeviceRef]:
    """Every identity that a ``device`` object tells, the best first; ``otherwise`` is the word for one that tells none.

    A radio address counts before a maker's word, so that the device is itself in other formats too.
    """
    words = list(_texts(device.get("identifiers")))
    found: list[tuple[str, str]] = [*_connections(device.get("connections"))]
    found += [ref for word in words if (ref := address_in(word)) is not None]
    found.sort(key=lambda ref: ref[0] != "ieee")  # a Zigbee device's own before its gateway's network card
    found += [("ha", plain_id(word)) for word in words if address_in(word) is None]
    if not found:
        found.append(address_in(otherwise) or ("ha", plain_id(otherwise)))
    return [DeviceRef(community, scheme, text) for scheme, text in dict.fromkeys(found)][:_MOST]


def address_in(word: str) -> tuple[str, str] | None:
    """(scheme, id) of the radio address in an identifier; None where it holds none.

    Twelve digits in a row may be a serial number: without separators it takes a letter among them to be an address.
    """
    word = word.replace("_", " ")
    if (ieee := _IEEE.search(word)) is not None:
        return "ieee", ieee[1].lower()
    if (mac := _MAC.search(word)) is not None:
        return "mac", re.sub("[:-]", "", mac[1]).lower()
    bare = _BARE_MAC.search(word)
    if bare is not None and not bare[1].isdigit():
        return "mac", bare[1].lower()
    return None


def _connections(connections: object) -> Iterator[tuple[str, str]]:
    for each in connections[:_MOST] if isinstance(connections, list) else ():
        if isinstance(each, list) and len(each) == 2 and all(isinstance(part, str) for part in each):
            scheme = _SCHEMES.get(each[0])
            digits = re.sub("^0x|[^0-9a-f]", "", each[1].lower())
            if scheme is not None and len(digits) == (16 if scheme == "ieee" else 12):
                yield scheme, digits


def _texts(identifiers: object) -> Iterator[str]:
    """One identifier or a list of them; numbers occur."""
    for each in identifiers[:_MOST] if isinstance(identifiers, list) else (identifiers,):
        text = clean(str(each) if isinstance(each, int) and not isinstance(each, bool) else each)
        if text:
            yield text
