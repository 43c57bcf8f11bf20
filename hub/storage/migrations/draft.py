"""For developers: draft the next migration from what tables.py says and the migrations do not build yet.

``python -m hub.storage.migrations.draft "Add the column X"``; read the file it writes before you commit it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from hub.storage import migrations
from hub.storage.engines import sqlite_writer


def draft(message: str) -> Path:
    """Write ``versions/NNNN_message.py``; its path."""
    known = migrations._known(migrations.FOLDER)  # noqa: SLF001 - this module is a part of its package
    number = f"{len(known) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.sqlite"
        if known:
            migrations.upgrade_sqlite(path)
        engine = sqlite_writer(path, create=True)
        with engine.begin() as connection:
            config = Config(attributes=migrations._attributes(connection))  # noqa: SLF001 - as above
            config.set_main_option("script_location", str(migrations.FOLDER).replace("%", "%%"))
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            command.revision(config, message, autogenerate=True, rev_id=number)
        engine.dispose()
    written = next((migrations.FOLDER / "versions").glob(f"{number}_*.py"))
    lines = written.read_text(encoding="utf-8").splitlines(keepends=True)
    written.write_text("".join(line for line in lines if "###" not in line), encoding="utf-8")
    return written


if __name__ == "__main__":
    sys.stdout.write(f"{draft(sys.argv[1])}\n")
