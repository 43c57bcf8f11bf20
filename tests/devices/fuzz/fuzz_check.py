"""The fuzzer's program: ``python -m tests.devices.fuzz.fuzz_check GROUP,GROUP FOLDER [libFuzzer's own options]``.

Every line of ``devices`` is instrumented, so that inputs which reach new code are kept and changed further. An exception
or a broken promise ends it, with the input in FOLDER as ``crash-…``. An input that may have cost too much is put down
there as ``dear-…`` and judged later in a process without instruments, which alone says what the hub would pay.
"""

from __future__ import annotations

import hashlib
import resource
import sys
import time
from pathlib import Path
from typing import Final

import atheris

# Texts compared by startswith and endswith are followed too; not regular expressions, whose hook breaks match(text, at).
atheris.enabled_hooks.add("str")

with atheris.instrument_imports(include=["devices"]):
    from tests.devices.fuzz.inputs import hear, seeds, speakers, unpack, words

    AMONG: Final = speakers(sys.argv[1].split(","))
FOLDER: Final = Path(sys.argv[2])
_SUSPECT_NS: Final = 50_000_000
"""CPU of one message; without instruments it is less."""
_SUSPECT_KIB: Final = 4 * 1024
"""Growth of the process at one message."""


def one(data: bytes) -> None:
    """One input."""
    trial = hear(*unpack(data, AMONG))
    while True:
        began, held = time.thread_time_ns(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if next(trial, one) is one:
            return
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held
        if time.thread_time_ns() - began > _SUSPECT_NS or grown > _SUSPECT_KIB:
            (FOLDER / f"dear-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)


def main() -> None:
    """Write what the fuzzer starts from, and start it; it ends the process."""
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    dictionary = set()
    for number, seed in enumerate(seeds(AMONG)):
        (corpus / f"seed-{number}").write_bytes(seed)
        dictionary.update(words(seed))
    quoted = (word.decode().replace("\\", "\\\\") for word in sorted(dictionary))
    (FOLDER / "words").write_text("".join(f'"{word}"\n' for word in quoted), encoding="ascii")
    options = [f"-dict={FOLDER / 'words'}", f"-artifact_prefix={FOLDER}/", *sys.argv[3:], str(corpus)]
    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
