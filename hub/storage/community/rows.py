"""The tables of a community file. TOML and workbook say the same rows; an unknown key is an error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from hub.domain.places import Name, PlaceKind
from hub.domain.wording import Unfit, Wording
from hub.flows.community.picture import RowError
from hub.storage.notation import Day, Duration, Instant, NameText, Slug, Snake, Strict, plain
from hub.storage.rule_text import RuleText

_DAYS = r"(?:Mo|Tu|We|Th|Fr|Sa|Su)"
_HOURS = r"(?:[01]\d|2[0-4]):[0-5]\d"
_SPAN = rf"{_DAYS}(?:-{_DAYS})?(?:,{_DAYS}(?:-{_DAYS})?)* {_HOURS}-{_HOURS}(?:,{_HOURS}-{_HOURS})*"
_OPENING: Final = re.compile(rf"{_SPAN}(?:; ?{_SPAN})*")


def _opening(text: str) -> str:
    if text and not _OPENING.fullmatch(text):
        raise Unfit(
            Wording("%(found)s are no opening hours", found=repr(text)),
            Wording("e.g. Mo-Fr 06:00-22:00; Sa,Su 08:00-22:00, or nothing"),
        )
    return text


def _timezone(text: str) -> str:
    if text not in available_timezones():
        raise Unfit(
            Wording("%(found)s is no time zone", found=repr(text)),
            Wording("e.g. %(example)s", example="Asia/Shanghai"),
        )
    return text


def _text(value: object) -> object:
    """A serial number typed into a sheet arrives as a number."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _finite(value: float) -> float:
    if not abs(value) < 1e12:
        raise Unfit(Wording("%(found)s is no usable number", found=value), Wording("a number"))
    return value


def _listed(value: object) -> object:
    """One text stands for a list of one."""
    return [value] if isinstance(value, str) else value


def _one_line(text: str) -> str:
    return plain(text).strip()


Text = Annotated[str, BeforeValidator(_text), AfterValidator(_one_line), Field(max_length=200)]
Opening = Annotated[str, AfterValidator(_opening)]
Zone = Annotated[str, AfterValidator(_timezone)]
Number = Annotated[float, AfterValidator(_finite)]
DeviceName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._:-]{0,127}$")]
PointText = Annotated[str, AfterValidator(plain), Field(pattern=r"^[^\s/#+]{1,128}$")]
PointMetric = Annotated[str, AfterValidator(plain), Field(pattern=r"^[^\s/#+=,]{1,128}(=[a-z][a-z0-9_]{0,62})?$")]
UnitText = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9_-]{0,62})?$")]


class CommunityRow(Strict):
    """[community]"""

    id: Slug
    name: NameText
    timezone: Zone = "Asia/Shanghai"
    language: Literal["zh-CN", "en"] = "zh-CN"
    prefix: str = Field(default="HG", pattern=r"^[A-Z0-9]{1,8}$")


class PartyRow(Strict):
    """[parties.<id>]"""

    id: Slug
    name: NameText
    phone: Text = ""


class CrewRow(Strict):
    """[crews.<id>]"""

    id: Slug
    name: NameText
    default: bool = False
    party: Slug | None = None


class ContactRow(Strict):
    """[crews.<id>.contacts.<id>]"""

    crew: Slug
    id: Slug
    name: Text
    channel: Literal["email", "webhook", "apprise"]
    address: Annotated[str, AfterValidator(_one_line), Field(min_length=3, max_length=1000)]
    language: Literal["zh-CN", "en"] = "zh-CN"


class PlaceRow(Strict):
    """[places.<id>]"""

    id: Slug
    kind: PlaceKind
    name: NameText
    parent: Slug | None = None


class FacilityRow(Strict):
    """[facilities.<id>]"""

    id: Slug
    kind: Snake
    name: NameText
    building: Slug | None = None
    grid: Slug | None = None
    capacity: int | None = Field(default=None, ge=1)
    opening: Opening = ""
    party: Slug | None = None
    crew: Slug | None = None
    retired: Instant | None = None


class UnitRow(Strict):
    """units = [...] of a facility."""

    facility: Slug
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
    name: NameText | None = None


class LedgerRow(Strict):
    """ledger = { … } of a facility."""

    facility: Slug
    item: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    value: Text


class DeviceRow(Strict):
    """[devices.<id>]"""

    id: DeviceName
    name: NameText | None = None
    facility: Slug | None = None
    unit: UnitText = ""
    gateway: DeviceName | None = None
    interval: Duration | None = None
    maker: Text = ""
    model: Text = ""
    scheme: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,31}$")] = "native"
    scheme_id: Text | None = None
    connection: Slug = "main"
    sim_expires: Day | None = None
    calibrated_until: Day | None = None
    end_of_life: Day | None = None
    retired: bool = False


class PointRow(Strict):
    """points = [...] of a device."""

    device: DeviceName
    name: PointText
    facility: Slug | None = None
    unit: UnitText | None = None
    metric: str = ""
    factor: Number = 1.0
    offset: Number = 0.0
    inverted: bool = False
    from_: Instant | None = Field(default=None, alias="from")
    until: Instant | None = None


class ExpectedRow(Strict):
    """[expected.<id>]"""

    id: DeviceName
    name: NameText | None = None
    serial: Text = ""
    identity: Annotated[str, Field(pattern=r"^([a-z][a-z0-9]{0,31}:\S{1,128})?$")] = ""
    facility: Slug | None = None
    unit: UnitText = ""
    place: Slug | None = None
    gateway: DeviceName | None = None
    points: Annotated[tuple[PointMetric, ...], BeforeValidator(_listed)] = ()
    interval: Duration | None = None
    maker: Text = ""
    model: Text = ""


class CommissioningRow(Strict):
    """[commissioning.<id>]"""

    id: Slug
    from_: Instant = Field(alias="from")
    until: Instant | None = None
    facility: Slug | None = None
    gateway: DeviceName | None = None
    note: Text = ""


class RuleRow(RuleText):
    """[rules.<id>]: a preset under its own id with what differs, one ``like`` a preset, or a new rule."""

    id: Slug
    like: Slug | None = None
    facility_kind: Snake | None = None
    failure_mode: Snake | None = None
    facility: Slug | None = None
    unit: UnitText = ""


TABLES: Final[Mapping[str, type[Strict]]] = {
    "community": CommunityRow,
    "parties": PartyRow,
    "crews": CrewRow,
    "contacts": ContactRow,
    "places": PlaceRow,
    "facilities": FacilityRow,
    "units": UnitRow,
    "ledger": LedgerRow,
    "devices": DeviceRow,
    "points": PointRow,
    "rules": RuleRow,
    "expected": ExpectedRow,
    "commissioning": CommissioningRow,
}


def keys_of(model: type[Strict]) -> list[str]:
    """The keys as written in a file."""
    return [field.alias or name for name, field in model.model_fields.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRow:
    """One row as found, not yet checked."""

    table: str
    where: str
    values: dict[str, Any]
    line: int = 0

    def error(self, key: str, reason: str, expected: str = "") -> RowError:
        """Something wrong in this row."""
        return RowError(where=self.where, key=key, reason=reason, expected=expected, table=self.table, line=self.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRow:
    """One row whose every cell is right in itself; ``row`` is of the table's model."""

    raw: RawRow
    row: Any


def check_rows(rows: list[RawRow]) -> tuple[dict[str, list[CheckedRow]], list[RowError]]:
    """Each row by its table's model; the good ones by table, and everything that is wrong with the others."""
    good: dict[str, list[CheckedRow]] = {table: [] for table in TABLES}
    errors: list[RowError] = []
    for raw in rows:
        model = TABLES[raw.table]
        try:
            good[raw.table].append(CheckedRow(raw=raw, row=model.model_validate(raw.values)))
        except ValidationError as error:
            errors += [_explain(raw, model, found) for found in error.errors(include_url=False)]
    return good, errors


def _explain(raw: RawRow, model: type[Strict], found: Any) -> RowError:
    path = [str(part) for part in found["loc"]]
    key = path[0] if path else ""
    match found["type"]:
        case "extra_forbidden":
            return raw.error(key, Wording("unknown key"), Wording("one of %(names)s", names=", ".join(keys_of(model))))
        case "missing":
            return raw.error(key, Wording("missing"), Wording("%(table)s need %(key)s", table=raw.table, key=key))
        case "string_pattern_mismatch":
            reason = Wording("%(found)s does not fit", found=repr(found["input"]))
            return raw.error(key, reason, Wording("text like %(example)s", example=_example(key)))
        case "value_error" if isinstance(found["ctx"]["error"], Unfit):
            return raw.error(key, found["ctx"]["error"].reason, found["ctx"]["error"].expected)
        case _:
            return raw.error(key, Wording("found %(found)s", found=repr(found["input"])), _right(found))


def _right(found: Any) -> str:  # noqa: PLR0911 - one line for each kind of error
    """What pydantic wanted, in our words; its own English for a kind of error that no table of ours can have."""
    match found["type"]:
        case "string_type":
            return Wording("a text")
        case "int_type" | "int_parsing" | "int_from_float":
            return Wording("a whole number")
        case "float_type" | "float_parsing":
            return Wording("a number")
        case "bool_type" | "bool_parsing":
            return Wording("true or false")
        case "greater_than_equal":
            return Wording("%(least)s or more", least=found["ctx"]["ge"])
        case "string_too_short":
            return Wording("at least %(least)s characters", least=found["ctx"]["min_length"])
        case "string_too_long":
            return Wording("at most %(most)s characters", most=found["ctx"]["max_length"])
        case "literal_error" | "enum":
            return Wording("one of %(names)s", names=found["ctx"]["expected"].replace(" or ", ", "))
        case _:
            return str(found["msg"])


def perhaps(near: Sequence[str]) -> str:
    """The nearest names that there are; empty where none is near."""
    return Wording("perhaps %(names)s", names=" / ".join(near)) if near else ""


def language_of(rows: Iterable[RawRow]) -> str:
    """The community's language, also where other rows are wrong."""
    found = next((row.values.get("language") for row in rows if row.table == "community"), None)
    return "en" if found == "en" else "zh-CN"


def _example(key: str) -> str:
    examples = {
        "kind": "pump_room",
        "item": "serial",
        "name": "bay3.power",
        "prefix": "HG",
        "failure_mode": "door_fault",
        "identity": "eui64:a840411234567890",
        "points": "ain1=level",
    }
    return examples.get(key) or Wording("lift-b3-2 (lower-case letters, digits and hyphens)")


def plain_name(name: Name) -> object:
    """A name as TOML has it."""
    if name.zh and name.en:
        return {"zh": name.zh, "en": name.en}
    return name.zh or {"en": name.en}
