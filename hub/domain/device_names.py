"""What a device is called within its community, from the kind of id that it has and the id itself."""

from __future__ import annotations

import re
from hashlib import blake2s
from typing import Final

_PLAIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_WORD: Final = re.compile(r"[a-z0-9]+")


def device_name(scheme: str, own: str) -> str:
    """The device's name: its own slug for a native one, else ``ieee-00158d…``, safe in paths, tags and files.

    The same as ``devices.contract.DeviceRef.hub_id`` behind the ``~``, which a test holds it to: whoever lists a device
    beforehand calls it as it will be called when it speaks.
    """
    if scheme == "native":
        return own
    name = own.lower()
    if not _PLAIN.fullmatch(name):
        digest = blake2s(own.encode("utf-8", "replace"), digest_size=4).hexdigest()
        name = "-".join((*_WORD.findall(name), digest))[-63:].strip("-")
    return f"{scheme}-{name}"
