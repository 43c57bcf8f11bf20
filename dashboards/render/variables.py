"""What a reader may choose, as Grafana takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dashboards.model import Source, Variable
from dashboards.render.parts import chosen_source
from dashboards.sources import UID
from hub.domain.places import Name

_EVERYTHING: Final = "$__all"


def variable_of(variable: Variable, language: str) -> Any:
    """One variable."""
    return _SOURCES[variable.source](variable, language)


def _of_data_sources(variable: Variable, language: str) -> Any:
    from grafana_foundation_sdk.builders import dashboard as sdk
    from grafana_foundation_sdk.models import dashboard as models

    chosen = models.VariableOption(selected=False, text=UID, value=UID)
    return (
        sdk.DatasourceVariable(variable.name).label(variable.title.say(language)).type(variable.query).current(chosen)
    )


def _of_query(variable: Variable, language: str) -> Any:
    from grafana_foundation_sdk.builders import dashboard as sdk
    from grafana_foundation_sdk.models import dashboard as models

    made = (
        sdk.QueryVariable(variable.name)
        .label(variable.title.say(language))
        .datasource(chosen_source())
        .query(variable.query)
        .definition(variable.query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.NATURAL_ASC)
    )
    return _several(made, language) if variable.many else made


def _of_list(variable: Variable, language: str) -> Any:
    from grafana_foundation_sdk.builders import dashboard as sdk
    from grafana_foundation_sdk.models import dashboard as models

    options = [
        models.VariableOption(
            selected=choice.value == variable.current, text=choice.says.say(language), value=choice.value
        )
        for choice in variable.choices
    ]
    listed = ", ".join(f"{_listed(str(option.text))} : {_listed(str(option.value))}" for option in options)
    made = sdk.CustomVariable(variable.name).label(variable.title.say(language)).values(listed).options(options)
    if variable.many:
        return _several(made, language)
    return made.current(next(option for option in options if option.value == variable.current))


def _listed(text: str) -> str:
    """A part of a list that is written in one line."""
    return text.replace("\\", "\\\\").replace(",", "\\,").replace(" : ", " – ")


def _of_constant(variable: Variable, language: str) -> Any:
    from grafana_foundation_sdk.builders import dashboard as sdk

    return sdk.ConstantVariable(variable.name).label(variable.title.say(language)).value(variable.query)


def _several(made: Any, language: str) -> Any:
    from grafana_foundation_sdk.models import dashboard as models

    everything = Name(zh="全部", en="All").say(language)
    chosen = models.VariableOption(selected=True, text=[everything], value=[_EVERYTHING])
    return made.multi(True).include_all(True).all_value(".*").current(chosen)


_SOURCES: Final[dict[Source, Callable[[Variable, str], Any]]] = {
    Source.DATA_SOURCE: _of_data_sources,
    Source.QUERY: _of_query,
    Source.LIST: _of_list,
    Source.CONSTANT: _of_constant,
}
