"""``hub import`` and ``hub export``: the community as a file that people write."""

from __future__ import annotations

import argparse
import base64
from pathlib import Path

from hub.commands.inside import ask
from hub.errors import InvalidInput
from hub.settings import Settings
from hub.words import LANGUAGES


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare both commands."""
    reader = commands.add_parser(
        "import",
        help="read a community file (TOML or Excel)",
        description="Makes the registry as the file describes it. Doing it twice changes nothing the second time; what is"
        " taken out of the file is retired, not deleted. Errors name file, row and what would be right; in a workbook"
        " they are also written into a column, in the community's language.",
        epilog="example: hub import my-community.toml --dry-run",
    )
    reader.add_argument("file", type=Path, metavar="FILE|ID", help="community file, or a shipped one's id")
    reader.add_argument("--dry-run", action="store_true", help="say what would change, change nothing")
    reader.add_argument(
        "--language", choices=LANGUAGES, help="of errors (default: en; in a workbook the community's own)"
    )
    reader.set_defaults(run=import_file)
    writer = commands.add_parser(
        "export",
        help="write a community file (TOML or Excel), or the registry in the words of other systems",
        description="Writes the community as a file; importing it again changes nothing. With --format it writes places, "
        "facilities and points for others instead: Brick (Turtle), Project Haystack (JSON) or NGSI-LD (JSON).",
        epilog="example: hub export harmony-garden harmony-garden.xlsx    "
        "or: hub export harmony-garden harmony-garden.ttl --format brick",
    )
    writer.add_argument("community")
    writer.add_argument("file", type=Path, help="ends in .toml or .xlsx; with --format any name")
    writer.add_argument("--format", choices=("brick", "haystack", "ngsi-ld"))
    writer.set_defaults(run=export_file)


def import_file(chosen: argparse.Namespace, settings: Settings) -> int:
    """Send the file to where the stores are; print the plan."""
    path, content = _read(chosen.file)
    arguments = {"file": path.name, "content": base64.b64encode(content).decode(), "dry_run": chosen.dry_run}
    arguments["language"] = chosen.language
    answer = ask(settings, "import", arguments)
    if "refused" in answer:
        if path.suffix == ".xlsx":
            from hub.flows.community.picture import RowError
            from hub.storage.community_workbook import write_findings

            write_findings(path, [RowError(**row) for row in answer["rows"]], language=answer["language"])
            raise InvalidInput(f"{answer['refused']}\n  (also written beside the rows, in {path})")
        raise InvalidInput(answer["refused"])
    for change in answer["changes"]:
        print(change)
    counts = ", ".join(f"{number} {action}" for action, number in answer["counts"].items() if number)
    print(f"{'would change' if chosen.dry_run else 'done'}: {counts or 'nothing'}")
    return 0


def _read(path: Path) -> tuple[Path, bytes]:
    """A file with its content; a name without an ending is that of a shipped community."""
    if not path.suffix and not path.exists():
        from hub.storage.community_toml import shipped_file

        return path.with_suffix(".toml"), shipped_file(str(path)).encode()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read ({error.strerror})") from error
    if path.suffix not in (".toml", ".xlsx"):
        raise InvalidInput(f"{path}: expected a file that ends in .toml or .xlsx")
    return path, content


def export_file(chosen: argparse.Namespace, settings: Settings) -> int:
    """Fetch the community from where the stores are; write the file."""
    path: Path = chosen.file
    if chosen.format is None and path.suffix not in (".toml", ".xlsx"):
        raise InvalidInput(
            f"{path}: expected a name that ends in .toml or .xlsx, or --format brick, haystack or ngsi-ld"
        )
    wanted = chosen.format or path.suffix.removeprefix(".")
    content = ask(settings, "export", {"community": chosen.community, "format": wanted})
    path.write_bytes(base64.b64decode(content))
    print(f"wrote {path}")
    return 0
