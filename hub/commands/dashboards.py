"""``hub dashboards``: Grafana's dashboards, made from the catalogue and published."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from dashboards.parts import Grid, Plan
from hub.domain.places import PlaceKind
from hub.errors import ConfigError
from hub.flows.registry import Registry
from hub.settings import Settings

SHIPPED = "harmony-garden"
EXTRA = "pip install 'community-hub[dashboards]'"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its verbs."""
    parser = commands.add_parser(
        "dashboards",
        help="make Grafana's dashboards",
        epilog="example: hub dashboards build --into dashboards --community my-community.toml",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="build", required=True)
    building = verbs.add_parser(
        "build",
        help="write the dashboards as JSON files, in English and Chinese",
        description="Writes a dashboard for each view and each kind of facility, in English and Chinese. The list of grids comes"
        " from the communities given. Files that nothing makes any more are removed from the folder.",
        epilog="example: hub dashboards build --check",
    )
    _communities(building)
    building.add_argument("--into", type=Path, metavar="FOLDER", help="default: the folder that the hub ships")
    building.add_argument(
        "--check", action="store_true", help="change nothing; fail where a file is not as it should be"
    )
    building.set_defaults(run=build)


def _communities(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--community",
        action="append",
        default=[],
        metavar="FILE|ID",
        help=f"whose grids can be chosen; may be given several times (default: {SHIPPED})",
    )


def build(chosen: argparse.Namespace, settings: Settings) -> int:
    """Write or compare the files."""
    from dashboards.build import GENERATED, compare, write

    folder: Path = chosen.into or GENERATED
    made = files_of(plan_for(chosen.community or [SHIPPED]))
    try:
        found = compare(made, folder) if chosen.check else write(made, folder)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be written ({error.strerror}); give --into a folder of your own"
        ) from error
    words = (
        (("missing", "missing"), ("stale", "not up to date"), ("foreign", "no longer made"))
        if chosen.check
        else (
            ("missing", "written"),
            ("stale", "written anew"),
            ("foreign", "removed"),
        )
    )
    for field, word in words:
        for name in getattr(found, field):
            print(f"{folder / name}: {word}")
    if chosen.check and found:
        print("run hub dashboards build")
        return 1
    print(f"{folder}: {len(made)} dashboards, all up to date")
    return 0


def files_of(plan: Plan) -> dict[str, str]:
    """Every file of the dashboards. ConfigError where the extra is not installed."""
    from dashboards.build import build as make

    try:
        return make(plan)
    except ModuleNotFoundError as error:
        raise ConfigError(f"dashboards are made with {error.name}, which is not installed: {EXTRA}") from error


def plan_for(communities: list[str], *, hub_url: str = "http://127.0.0.1:8080") -> Plan:
    """What the dashboards of these communities are made from."""
    from hub.commands.simulate import read_community
    from hub.storage.catalogue import load_catalogue

    registries = [read_community(name) for name in communities]
    grids = tuple(grid for registry in registries for grid in grids_of(registry, several=len(registries) > 1))
    return Plan(catalogue=load_catalogue(), grids=grids, hub_url=hub_url)


def grids_of(registry: Registry, *, several: bool) -> Iterator[Grid]:
    """The grids with the facilities that stand in them today; with its community's name where there are several."""
    for (community, id_), place in registry.places.items():
        if place.kind is not PlaceKind.GRID:
            continue
        name = place.name
        if several:
            home = registry.communities[community].name
            name = type(name)(zh=f"{home.zh} {name.zh}", en=f"{home.en} {name.en}")
        standing = [f.id for f in registry.facilities.values() if (f.community, f.grid) == (community, id_)]
        yield Grid(id=id_, name=name, facilities=tuple(sorted(standing)))
