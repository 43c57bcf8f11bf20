"""Which notices a change of a ticket makes: one for each contact of the owning crew, each with its own key."""

from __future__ import annotations

from hub.domain.alarms import Alarm
from hub.domain.ids import IdMaker
from hub.domain.notices import Notice, NoticeKind
from hub.domain.places import Community, Facility, Name
from hub.domain.rules import FailureMode, Rule
from hub.domain.tickets import Ticket
from hub.flows.notice_text import evidence_words, notice_text
from hub.flows.registry import Registry
from hub.flows.topology import Area, seen_first
from hub.flows.watch import UPLINK_LOST, failure_mode


def ticket_notices(
    registry: Registry,
    ticket: Ticket,
    kind: NoticeKind,
    *,
    ids: IdMaker,
    now: int,
    public_url: str = "",
    alarm: Alarm | None = None,
    rule: Rule | None = None,
    more: str = "",
) -> list[Notice]:
    """Told to every contact in its own language; nothing about records made from late data.

    ``more`` tells apart what would else be the same word about the same occurrence.
    """
    crew = registry.crews.get((ticket.key.community, ticket.crew))
    if ticket.late or crew is None:
        return []
    community = community_of(registry, ticket.key.community)
    mode = mode_of(registry, ticket, alarm)
    link = f"{public_url}/tickets/{ticket.id}" if public_url else ""
    at = now if alarm is None or alarm.raised_at is None else alarm.raised_at
    look_at = looked_at(registry, ticket)
    notices = []
    for contact in crew.contacts:
        text = notice_text(
            kind,
            ticket,
            mode,
            evidence="" if alarm is None else evidence_words(alarm, rule, contact.language),
            community=community.name.say(contact.language),
            zone=community.timezone,
            at=at,
            link=link,
            language=contact.language,
            look_at=[facility.name.say(contact.language) for facility in look_at],
        )
        notices.append(
            Notice(
                id=ids.make(now),
                dedupe_key=f"{ticket.id}:{ticket.occurrences}.{ticket.reopened}:{kind}{more}:{contact.id}",
                community=ticket.key.community,
                kind=kind,
                contact=contact.id,
                channel=contact.channel,
                address=contact.address,
                language=contact.language,
                subject=text.subject,
                body=text.body,
                priority=ticket.priority,
                link=link,
                ticket=ticket.id,
                alarm=None if alarm is None else alarm.id,
                created_at=now,
                next_at=now,
            )
        )
    return notices


def looked_at(registry: Registry, ticket: Ticket) -> tuple[Facility, ...]:
    """Lifts and pumps that somebody has to go and see while nobody can tell how they are."""
    if ticket.key.failure_mode != UPLINK_LOST:
        return ()
    return seen_first(registry, Area(ticket.key.community, ticket.key.unit))


def community_of(registry: Registry, community: str) -> Community:
    """As registered, or with defaults where it is not."""
    known = registry.communities.get(community)
    return known or Community(id=community, name=Name(zh=community, en=community))


def mode_of(registry: Registry, ticket: Ticket, alarm: Alarm | None = None) -> FailureMode:
    """The words for the ticket's fault. A fault of a sensor is told in the words of the facility that it watches."""
    place = ticket.key.facility or (alarm.facility if alarm is not None else "")
    facility = registry.facilities.get((ticket.key.community, place))
    return failure_mode(registry, facility.kind if facility is not None else "", ticket.key.failure_mode)
