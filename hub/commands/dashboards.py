"""``hub dashboards``: Grafana's dashboards, made from the catalogue and published."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.parts import Plan
from hub.domain.places import Grid, Name
from hub.errors import ConfigError
from hub.flows.grids import grids_of
from hub.settings import Settings

if TYPE_CHECKING:
    from dashboards.grafana import Grafana
    from dashboards.publish import Wanted
    from dashboards.sources import DataSource

SHIPPED = "harmony-garden"
EXTRA = "in a checkout of the repository, pip install '.[dashboards]'"
_LOCAL_URL = "http://127.0.0.1:8080"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its verbs."""
    parser = commands.add_parser(
        "dashboards",
        help="make Grafana's dashboards",
        epilog="example: hub dashboards build --into dashboards --community my-community.toml",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="build|publish", required=True)
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
    publishing = verbs.add_parser(
        "publish",
        help="bring a Grafana up to date",
        description="Makes or changes the data source, a folder for each language, the dashboards and the alert for a silent hub in"
        " the Grafana of the settings ([grafana]), and says what differs. Doing it twice changes nothing. Dashboards that people"
        " have made or edited are kept; nothing is deleted. The grids are those of the running hub, unless communities are given.",
        epilog="example: hub dashboards publish --dry-run",
    )
    _communities(publishing)
    publishing.add_argument("--dry-run", action="store_true", help="say what would change, change nothing")
    publishing.add_argument(
        "--overwrite", action="store_true", help="also write over what people have edited in Grafana"
    )
    publishing.add_argument(
        "--secrets", action="store_true", help="send the data source's password or token again, after it has changed"
    )
    publishing.set_defaults(run=publish)


def _communities(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--community",
        action="append",
        default=[],
        metavar="FILE|ID",
        help=f"whose grids can be chosen; may be given several times (default for build: {SHIPPED}, for publish: the hub's)",
    )


def build(chosen: argparse.Namespace, settings: Settings) -> int:
    """Write or compare the files."""
    from dashboards.build import BOARDS, GENERATED
    from dashboards.provisioning import STACK, alerting

    folder: Path = chosen.into or GENERATED
    # The shipped files are the same for everybody; those of a folder of one's own lead to one's own hub.
    hub_url = (settings.web.public_url if chosen.into else None) or _LOCAL_URL
    plan = plan_for(chosen.community or [SHIPPED], hub_url=hub_url)
    made = files_of(plan)
    differs = _bring(made, folder, BOARDS, check=chosen.check)
    if chosen.into is None and STACK.parent.exists():
        differs |= _bring(alerting(plan), STACK, "*.yaml", check=chosen.check)
    if chosen.check and differs:
        print("run hub dashboards build")
        return 1
    print(f"{folder}: {len(made)} dashboards, all up to date")
    return 0


def _bring(made: dict[str, str], folder: Path, ours: str, *, check: bool) -> bool:
    """Write or compare a folder's files, and say which; whether there was any difference."""
    from dashboards.build import compare, write

    try:
        found = compare(made, folder, ours) if check else write(made, folder, ours)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be written ({error.strerror}); give --into a folder of your own"
        ) from error
    words = (
        (("missing", "missing"), ("stale", "not up to date"), ("foreign", "no longer made"))
        if check
        else (
            ("missing", "written"),
            ("stale", "written anew"),
            ("foreign", "removed"),
        )
    )
    for field, word in words:
        for name in getattr(found, field):
            print(f"{folder / name}: {word}")
    return bool(found)


def publish(chosen: argparse.Namespace, settings: Settings) -> int:
    """Bring the Grafana of the settings up to date; print what was done."""
    from dashboards.grafana import GrafanaRefused
    from dashboards.publish import Manner, Sign
    from dashboards.publish import publish as bring_up_to_date
    from dashboards.silence import NoContact
    from dashboards.sources import NoSource

    manner = Manner(dry_run=chosen.dry_run, overwrite=chosen.overwrite, secrets=chosen.secrets)
    counts: Counter[Sign] = Counter()
    try:
        grafana = _grafana(settings)
        wanted = _wanted(_plan_to_publish(chosen, settings), settings)
        for outcome in bring_up_to_date(grafana, wanted, manner):
            counts[outcome.sign] += 1
            if outcome.sign is not Sign.SAME:
                print(f"{outcome.sign} {outcome.what}")
            for line in outcome.lines:
                print(f"    {line}")
    except (GrafanaRefused, NoSource, NoContact) as error:
        raise ConfigError(str(error)) from error
    words = ("new", "changed", "as they should be", "kept")
    told = ", ".join(f"{counts[sign]} {word}" for sign, word in zip(Sign, words, strict=True) if counts[sign])
    print(f"{'would be' if chosen.dry_run else 'done'}: {told}")
    return 0


def _grafana(settings: Settings) -> Grafana:
    from dashboards.grafana_client import GrafanaClient

    place = settings.grafana
    if not place.url or not place.token:
        missing = "HUB_GRAFANA__URL" if not place.url else "HUB_GRAFANA__TOKEN"
        raise ConfigError(
            f"{missing} is not set: dashboards are published to a Grafana, with a service account's token"
        )
    try:
        return GrafanaClient(place.url, place.token, ca_file=str(place.ca_file or ""))
    except ModuleNotFoundError as error:
        raise ConfigError(f"dashboards are published with {error.name}, which is not installed: {EXTRA}") from error


def _wanted(plan: Plan, settings: Settings) -> Wanted:
    from dashboards.publish import Wanted, folder
    from dashboards.silence import contact, rule

    place = settings.grafana
    by_language: dict[str, list[dict[str, Any]]] = {}
    for name, text in files_of(plan).items():
        by_language.setdefault(name.partition("/")[0], []).append(json.loads(text))
    return Wanted(
        dashboards=by_language,
        source=_source(place.series_url) if place.series_url else None,
        rule=rule(plan, folder=folder("en"), told=bool(place.alert_to)),
        contact=contact(place.alert_to) if place.alert_to else None,
    )


def _source(url: str) -> DataSource:
    from dashboards.sources import data_source
    from hub.storage.influx.target import parse

    address = parse(url)
    if not address.ca_file:
        return data_source(address)
    try:
        authority = Path(address.ca_file).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{address.ca_file}: cannot be read ({error}); ca_file of HUB_GRAFANA__SERIES_URL is a PEM file on this machine"
        ) from error
    if "BEGIN CERTIFICATE" not in authority:
        raise ConfigError(f"{address.ca_file}: holds no certificate; ca_file of HUB_GRAFANA__SERIES_URL is a PEM file")
    return data_source(address, authority=authority)


def _plan_to_publish(chosen: argparse.Namespace, settings: Settings) -> Plan:
    web = settings.web
    hub_url = web.public_url or f"http://{web.host}:{web.port}"
    if chosen.community:
        return plan_for(chosen.community, hub_url=hub_url)
    from hub.commands.inside import ask

    told = ask(settings, "grids", {})
    grids = tuple(
        Grid(id=grid["id"], name=Name(zh=grid["zh"], en=grid["en"]), facilities=tuple(grid["facilities"]))
        for grid in told
    )
    return replace(plan_for([], hub_url=hub_url), grids=grids)


def files_of(plan: Plan) -> dict[str, str]:
    """Every file of the dashboards. ConfigError where the extra is not installed."""
    from dashboards.build import build as make

    try:
        return make(plan)
    except ModuleNotFoundError as error:
        raise ConfigError(f"dashboards are made with {error.name}, which is not installed: {EXTRA}") from error


def plan_for(communities: list[str], *, hub_url: str = _LOCAL_URL) -> Plan:
    """What the dashboards of these communities are made from."""
    from hub.storage.catalogue import load_catalogue
    from hub.storage.community.registry import registry_of
    from hub.storage.community_toml import find_picture

    catalogue = load_catalogue()
    registries = [registry_of(find_picture(name, catalogue), catalogue=catalogue) for name in communities]
    grids = tuple(grid for registry in registries for grid in grids_of(registry, several=len(registries) > 1))
    return Plan(catalogue=catalogue, grids=grids, hub_url=hub_url)
