"""What panels are put together from, as Grafana takes it: queries, marks, words, limits and links."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from dashboards.model import Note, Override, Query, Threshold, Word, uid
from hub.domain.places import Name

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard as models

_INFLUX: Final = "influxdb"
_THROUGH: Final = "${__url_time_range}&${community:queryparam}&var-ds=${ds}"
"""What a link to another dashboard takes along."""


def chosen_source() -> Any:
    """The data source that the reader has chosen."""
    from grafana_foundation_sdk.models.common import DataSourceRef

    return DataSourceRef(type_val=_INFLUX, uid="${ds}")


class Target:
    """A query as Grafana's InfluxDB data source takes it; the SDK has no builder for it."""

    def __init__(self, query: Query, letter: str, language: str) -> None:
        self._made = {
            "refId": letter,
            "datasource": {"type": _INFLUX, "uid": "${ds}"},
            "query": _in_language(query.text, language),
            "rawQuery": True,
            "resultFormat": "table" if query.table else "time_series",
        }
        if query.alias:
            self._made["alias"] = query.alias

    def build(self) -> Any:
        """As the SDK's builders do."""
        return self

    def to_json(self) -> dict[str, object]:
        """As the SDK's models do."""
        return dict(self._made)


class _NoteTarget(Target):
    """A query whose rows are marks."""

    def __init__(self, note: Note, language: str) -> None:
        super().__init__(Query(text=note.query, table=True), "Note", language)
        self._made |= {"fromAnnotations": True, "textColumn": note.text.say(language), "tagsColumn": note.tags}


def note_of(note: Note, language: str) -> Any:
    """Marks, as Grafana asks for them."""
    from grafana_foundation_sdk.builders import dashboard as sdk

    return (
        sdk.AnnotationQuery()
        .name(note.title.say(language))
        .datasource(chosen_source())
        .enable(note.shown)
        .icon_color(note.colour)
        .target(cast(Any, _NoteTarget(note, language)))
    )


def _in_language(query: str, language: str) -> str:
    return query.replace("{title}", Name(zh="title_zh", en="title_en").say(language))


def mapping(words: Iterable[Word], language: str) -> models.ValueMap:
    """What values are called."""
    from grafana_foundation_sdk.models import dashboard as models

    return models.ValueMap(
        options={
            word.value: models.ValueMappingResult(text=word.says.say(language), color=word.colour or None, index=index)
            for index, word in enumerate(words)
        }
    )


def thresholds(steps: Iterable[Threshold]) -> Any:
    """From which value on which colour."""
    from grafana_foundation_sdk.builders import dashboard as sdk
    from grafana_foundation_sdk.models import dashboard as models

    made = [models.Threshold(value=each.at, color=each.colour) for each in steps]
    return sdk.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(made)


def properties(override: Override, language: str) -> list[models.DynamicConfigValue]:
    """What an override changes."""
    from grafana_foundation_sdk.models import dashboard as models

    found: list[tuple[str, object]] = []
    if override.title is not None:
        found.append(("displayName", override.title.say(language)))
    if override.unit is not None:
        found.append(("unit", override.unit.say(language)))
    if override.decimals is not None:
        found.append(("decimals", override.decimals))
    if override.words:
        found.append(("mappings", [mapping(override.words, language).to_json()]))
    if override.thresholds:
        found.append(("thresholds", thresholds(override.thresholds).build().to_json()))
    if override.link:
        found.append(("links", [data_link(override.link, language).build().to_json()]))
    if override.hidden:
        found.append(("custom.hidden", True))
    return [models.DynamicConfigValue(id_val=name, value=value) for name, value in found]


def data_link(link: str, language: str) -> Any:
    """Where a click leads."""
    from grafana_foundation_sdk.builders import dashboard as sdk

    title, address = Name(zh="打开", en="Open").say(language), link
    if link.startswith("board:"):
        board, _, query = link.removeprefix("board:").partition("?")
        address = f"/d/{uid(board, language)}?{query}&{_THROUGH}"
    return sdk.DashboardLink(title).url(address).target_blank(not link.startswith("board:"))
