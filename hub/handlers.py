"""What commands do where the stores are: JSON in, JSON out. One function a command; ``hub.commands`` prints the results."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hub.administration import grant_of
from hub.clock import to_iso
from hub.control import Handler, Progress, Say
from hub.credentials import CredentialDesk
from hub.domain.people import AuditEntry, Grant
from hub.domain.places import PlaceKind
from hub.errors import InvalidInput, NotFound
from hub.flows.batch import PointKey
from hub.flows.community.picture import FileRefused, Picture, Wish
from hub.flows.grids import grids_of
from hub.flows.lists import QuarantineFilter, QuarantineItem
from hub.flows.live import LiveState
from hub.ingest.quarantine import payload_text
from hub.log import LEVELS, set_level
from hub.series_work import SeriesWork
from hub.storage.community_toml import parse_toml, write_toml
from hub.words import load

if TYPE_CHECKING:
    from hub.wiring import Hub

NONE_YET: Final = "none yet: hub import FILE makes one"
GRID: Final = PlaceKind.GRID
BY: Final = "command line"
AT_ONCE: Final = 200
"""Frames redriven between two words of progress."""


def handlers(hub: Hub) -> Mapping[str, Handler]:
    """By name."""
    work = _Work(hub)
    return {
        "import": work.import_community,
        "export": work.export_community,
        "grids": work.grids,
        "quarantine-list": work.quarantine_list,
        "quarantine-show": work.quarantine_show,
        "quarantine-redrive": work.quarantine_redrive,
        "replay": work.series.replay,
        "series-compare": work.series.compare,
        "series-rejected": work.series.rejected,
        "series-redrive": work.series.redrive,
        "user": work.user,
        "token": work.token,
        "revoke-token": work.revoke_token,
        "backup": work.backup,
        "log-level": work.log_level,
        **CredentialDesk(hub.broker_accounts, hub.registrar, work.note).handlers(),
    }


def _for_others(picture: Picture, wanted: str, live: LiveState, now: int) -> bytes:
    """The registry in the words of Brick, Haystack or NGSI-LD."""
    from hub.flows.community.interop.brick import write_brick  # as above
    from hub.flows.community.interop.haystack import haystack_grid
    from hub.flows.community.interop.ngsi_ld import ngsi_entities

    if wanted == "brick":
        return write_brick(picture, now=now).encode()
    if wanted == "haystack":
        return msgspec.json.format(msgspec.json.encode(haystack_grid(picture, now=now)))
    spans = (span for spans in picture.bindings.values() for span in spans if span.holds_at(now))
    points = [PointKey(s.community, s.device, s.point) for s in spans if s.metric_name() == "battery"]
    said = {
        key.device: r.value / 100 for key, r in live.readings(points).items() if r.value is not None and not r.silent
    }
    return msgspec.json.format(msgspec.json.encode(ngsi_entities(picture, now=now, batteries=said)))


class _Work:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.series = SeriesWork(hub.series_stores, hub.registrar, hub.folder.root, hub.clock, again=hub.figures.again)

    def import_community(self, arguments: dict[str, Any], say: Say) -> Any:
        """{file, content (base64), dry_run, language} -> {refused, rows, language} or {changes, counts}.

        Rows, which go into the workbook, are said in the community's language where none is asked for.
        """
        try:
            wish = self._read(arguments["file"], base64.b64decode(arguments["content"]))
        except FileRefused as refused:
            return _refusal(refused, arguments.get("language"))
        plan = self._hub.registry.import_file(wish, dry_run=arguments["dry_run"])
        return {"changes": [str(change) for change in plan.changes], "counts": plan.counts()}

    def _read(self, name: str, content: bytes) -> Wish:
        if name.endswith(".xlsx"):
            from hub.storage.community_workbook import read_workbook  # openpyxl is large: 7 MB at first use

            with tempfile.TemporaryDirectory(dir=self._hub.folder.root) as folder:
                path = Path(folder) / Path(name).name
                path.write_bytes(content)
                return read_workbook(path, self._hub.catalogue)
        return parse_toml(content.decode("utf-8-sig"), self._hub.catalogue, file=name)

    def export_community(self, arguments: dict[str, Any], say: Say) -> Any:
        """{community, format: toml, xlsx, brick, haystack or ngsi-ld} -> base64."""
        picture = self._hub.registry.export(arguments["community"])
        if picture is None:
            known = ", ".join(self._hub.registrar.current.communities) or NONE_YET
            raise NotFound(f"no community {arguments['community']!r}; there is {known}")
        if arguments["format"] == "xlsx":
            from hub.storage.community_workbook import write_workbook  # as above

            with tempfile.TemporaryDirectory(dir=self._hub.folder.root) as folder:
                path = Path(folder) / "community.xlsx"
                write_workbook(picture, self._hub.catalogue, path)
                return base64.b64encode(path.read_bytes()).decode()
        if arguments["format"] == "toml":
            return base64.b64encode(write_toml(picture, self._hub.catalogue).encode()).decode()
        return base64.b64encode(
            _for_others(picture, arguments["format"], self._hub.alarm_lane.live, self._hub.clock.now())
        ).decode()

    def grids(self, arguments: dict[str, Any], say: Say) -> Any:
        """{} -> [{id, zh, en, facilities}], for the dashboards' list."""
        picture = self._hub.registrar.current
        return [
            {"id": grid.id, "zh": grid.name.zh, "en": grid.name.en, "facilities": grid.facilities}
            for grid in grids_of(picture, several=len(picture.communities) > 1)
        ]

    def quarantine_list(self, arguments: dict[str, Any], say: Say) -> Any:
        """{device, reason, limit} -> {items, counts}."""
        what = QuarantineFilter(device=arguments.get("device"), reason=arguments.get("reason"))
        page = self._hub.quarantine.page(what, limit=arguments.get("limit", 50))
        counts = [count._asdict() for count in self._hub.quarantine.counts()]
        return {"items": [_item(item) for item in page.items], "counts": counts, "more": page.next is not None}

    def quarantine_show(self, arguments: dict[str, Any], say: Say) -> Any:
        """{id} -> the item with its payload as text."""
        item = self._hub.quarantine.show(arguments["id"])
        return {**_item(item), "payload": payload_text(item.payload)}

    def quarantine_redrive(self, arguments: dict[str, Any], say: Say) -> Any:
        """{ids}, or none for all that fit {device, reason} -> {understood, refused}."""
        ids = arguments.get("ids") or []
        if not ids:
            what = QuarantineFilter(device=arguments.get("device"), reason=arguments.get("reason"))
            cursor: str | None = None
            while True:
                page = self._hub.quarantine.page(what, limit=1000, cursor=cursor)
                ids += [item.id for item in page.items if item.state == "kept"]
                cursor = page.next
                if cursor is None:
                    break
        understood = refused = 0
        for begin in range(0, len(ids), AT_ONCE):
            result = self._hub.quarantine.redrive(ids[begin : begin + AT_ONCE])
            understood, refused = understood + result.understood, refused + result.refused
            say(Progress(min(begin + AT_ONCE, len(ids)), len(ids), "frames through the decoders again"))
        return {"understood": understood, "refused": refused}

    def user(self, arguments: dict[str, Any], say: Say) -> Any:
        """{login, password, role, scope, name} -> login."""
        grant = self._grant(arguments)
        return self._hub.administration.add_user(
            arguments["login"], arguments["password"], grant=grant, name=arguments.get("name", ""), by=BY
        ).login

    def token(self, arguments: dict[str, Any], say: Say) -> Any:
        """{name, role, scope, days} -> the token's text."""
        grant = self._grant(arguments)
        return self._hub.administration.add_token(arguments["name"], grant=grant, days=arguments.get("days"), by=BY)

    def _grant(self, arguments: dict[str, Any]) -> Grant:
        """A grant over something that exists: a misspelt scope would be a user who sees nothing."""
        grant = grant_of(arguments["role"], arguments.get("scope", ""))
        community, _, grid = grant.scope_id.partition("/")
        picture = self._hub.registrar.current
        if community and community not in picture.communities:
            raise NotFound(f"no community {community!r}; there is {', '.join(picture.communities) or NONE_YET}")
        grids = [place.id for place in picture.places.values() if (place.community, place.kind) == (community, GRID)]
        if grid and grid not in grids:
            raise NotFound(f"no grid {grid!r} in {community}; there is {', '.join(grids) or 'none'}")
        return grant

    def revoke_token(self, arguments: dict[str, Any], say: Say) -> Any:
        """{name} -> how many ended."""
        return self._hub.administration.revoke_token(arguments["name"], by=BY)

    def backup(self, arguments: dict[str, Any], say: Say) -> Any:
        """{folder} -> {files, bytes, taken_at}."""
        written = self._hub.take_backup(Path(arguments["folder"]), say)
        self.note("backup", arguments["folder"])
        return {"files": len(written.files), "bytes": written.bytes, "taken_at": written.taken_at}

    def log_level(self, arguments: dict[str, Any], say: Say) -> Any:
        """{level} -> the level before."""
        if arguments["level"] not in LEVELS:
            raise InvalidInput(f"no level {arguments['level']!r}: there are {', '.join(LEVELS)}")
        before = set_level(arguments["level"])
        self.note("log_level", arguments["level"])
        return before

    def note(self, action: str, what: str) -> None:
        """A line in the audit trail."""
        entry = AuditEntry(at=self._hub.clock.now(), by=BY, action=action, object=what)
        self._hub.records.write(lambda books: books.people.record(entry))


def _refusal(refused: FileRefused, asked: str | None) -> dict[str, Any]:
    catalogues = load()
    shown, written = asked or "en", asked or refused.language
    rows = [asdict(error.said(catalogues[written].gettext)) for error in refused.errors]
    return {"refused": refused.text(shown, catalogues[shown].gettext), "rows": rows, "language": written}


def _item(item: QuarantineItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "device": item.device,
        "topic": item.topic,
        "content_type": item.content_type,
        "reason": item.reason,
        "detail": item.detail,
        "received_at": to_iso(item.received_at),
        "state": item.state,
        "bytes": len(item.payload),
    }
