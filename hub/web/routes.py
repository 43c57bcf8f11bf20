"""Every route of the web, one router for each file. A family is added with a line here."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from hub.web.alarms.api import router as alarms_api
from hub.web.alarms.pages import router as alarms_pages
from hub.web.auth.pages import router as auth_pages
from hub.web.board.pages import router as board_pages
from hub.web.commissioning.api import router as commissioning_api
from hub.web.commissioning.pages import router as commissioning_pages
from hub.web.commissioning.walk_pages import router as walk_pages
from hub.web.devices.api import router as devices_api
from hub.web.devices.changes import router as device_changes
from hub.web.devices.device import router as device_pages
from hub.web.devices.pages import router as devices_pages
from hub.web.devices.upkeep import api_router as upkeep_api
from hub.web.devices.upkeep import pages_router as upkeep_pages
from hub.web.events.api import router as events_api
from hub.web.facilities.api import router as facilities_api
from hub.web.facilities.pages import router as facilities_pages
from hub.web.figures.alarms import router as alarm_figures
from hub.web.figures.api import router as figures_api
from hub.web.figures.kinds import router as kind_pages
from hub.web.figures.pages import router as figures_pages
from hub.web.figures.quality import router as quality_pages
from hub.web.health.pages import router as health_pages
from hub.web.health.probes import router as health_probes
from hub.web.health.refused import router as refused_pages
from hub.web.push.api import router as push_api
from hub.web.quarantine.api import router as quarantine_api
from hub.web.quarantine.pages import router as quarantine_pages
from hub.web.registry.api import router as registry_api
from hub.web.series.api import router as series_api
from hub.web.tickets.api import router as tickets_api
from hub.web.tickets.pages import router as tickets_pages
from hub.web.use.energy_pages import router as energy_pages
from hub.web.use.pages import router as use_pages

ROUTERS: Final[tuple[APIRouter, ...]] = (
    auth_pages,
    board_pages,
    facilities_pages,
    use_pages,
    energy_pages,
    alarms_pages,
    tickets_pages,
    figures_pages,
    kind_pages,
    alarm_figures,
    quality_pages,
    devices_pages,
    commissioning_pages,
    walk_pages,
    upkeep_pages,
    device_pages,
    quarantine_pages,
    health_pages,
    refused_pages,
    health_probes,
    facilities_api,
    upkeep_api,
    devices_api,
    commissioning_api,
    device_changes,
    series_api,
    alarms_api,
    tickets_api,
    figures_api,
    quarantine_api,
    registry_api,
    events_api,
    push_api,
)
