"""Builds everything, starts it in order, stops it in reverse. Nobody imports this but the command line and tests."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from devices.formats.points import chosen
from hub import process
from hub.administration import Administration
from hub.backup.cutting import RunningHub
from hub.backup.manifest import Manifest
from hub.backup.schedule import BackupSchedule
from hub.backup.taking import take
from hub.certificates import Certificate, Certificates, FileInUse, Shown
from hub.certificates_elsewhere import watched
from hub.clock import DAY, HOUR, MINUTE, SECOND, Clock, WallClock
from hub.clouds import Clouds, spoken_by
from hub.control import ControlServer, Say
from hub.datadir import DataDir, Lock
from hub.domain.certificate_standing import WEB, broker_of, own_of
from hub.domain.health import Health, Status
from hub.domain.health_series import HubLook, LaneLook
from hub.domain.people import AuditEntry
from hub.domain.retention import MONTH_MS
from hub.domain.store_standing import Standing
from hub.errors import ConfigError, StoreUnavailable
from hub.flows.alarm_commands import AlarmDesk
from hub.flows.alarm_lane import AlarmLane
from hub.flows.batch import Asked, Decoded, Slots
from hub.flows.commissioning.desk import CommissioningDesk, Parts
from hub.flows.commissioning.lane import Commissioner
from hub.flows.commissioning.walk_desk import WalkDesk
from hub.flows.community.desk import RegistryDesk
from hub.flows.registry import Registrar, Registry
from hub.flows.series import SeriesStore
from hub.flows.series_lane import SeriesLane
from hub.flows.tickets import TicketDesk
from hub.flows.unstored import Unstored
from hub.handlers import handlers
from hub.ingest.asking import Asking
from hub.ingest.batches import BatchSource
from hub.ingest.decoding import Decoder
from hub.ingest.device_accounts import AT_START, RELOAD, WATCHED, Accounts, MosquittoAccounts
from hub.ingest.echo import Echo
from hub.ingest.following import Following
from hub.ingest.heartbeat import Pulse
from hub.ingest.intake import IntakeThread
from hub.ingest.journal import Journal
from hub.ingest.journal_meters import DecodingMeters, IntakeMeters, LaneMeters
from hub.ingest.lanes import LaneRunner
from hub.ingest.meters import MqttMeters
from hub.ingest.mqtt import Receiver
from hub.ingest.quarantine import QuarantineDesk
from hub.ingest.spoken import Spoken, limits_of
from hub.ingest.too_early import TooEarly
from hub.jobs import own_health
from hub.jobs.figures import EVERY, HourlyFigures
from hub.jobs.timetable import Job, Timetable, next_of_cron
from hub.notify.channels import discover
from hub.notify.sender import Sender
from hub.own_look import own_findings
from hub.own_metrics import show_backups, show_certificates, show_journal, show_refused_lines
from hub.settings import EMBEDDED, Settings
from hub.storage.catalogue import load_catalogue
from hub.storage.duck.meters import SeriesMeters, StoreMeter
from hub.storage.influx.target import parse as parse_target
from hub.storage.lease import Lease
from hub.storage.series_duckdb import DuckSeries
from hub.storage.series_influx import InfluxSeries
from hub.storage.unit import SqlRecords
from hub.telemetry import Tallies
from hub.watchdog import Watchdog
from hub.web.app import create_app
from hub.web.deps import WebDeps
from hub.web.pulse import Pulse as WebPulse
from hub.web.server import Server
from hub.web.stream import Changes

log = logging.getLogger(__name__)

QUARANTINE_KEPT: Final = 365 * DAY
"""How long frames that have been redriven or dismissed stay listed."""
ANSWERS_KEPT: Final = 2 * DAY
"""How long a repeated Idempotency-Key gets the first answer."""


class Hub:
    """The whole hub as one process. ``start`` or nothing: what fails takes down what was started before it.

    ``lock``: the data folder's, where the caller holds it already. ``first_steps`` runs once the records are open.
    ``accounts``: of a broker that the caller runs. ``on_standing_by``: another hub works on the database, this one waits.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        more_health: Sequence[Callable[[int], Health]] = (),
        on_dead: Callable[[str], None] = lambda _why: None,
        lock: Lock | None = None,
        first_steps: Callable[[Hub], None] = lambda _hub: None,
        accounts: Accounts | None = None,
        on_standing_by: Callable[[str], None] = lambda _word: None,
    ) -> None:
        self.settings = settings
        self.clock = clock or WallClock()
        self.folder = DataDir(settings.data_dir)
        self.metrics = CollectorRegistry()
        self.changes = Changes(self.clock.now())
        self._more_health = more_health
        self._on_dead = on_dead
        self._lock = lock
        self._first_steps = first_steps
        self._accounts = accounts
        self._on_standing_by = on_standing_by
        self._running = contextlib.ExitStack()
        self._build()

    # --- building: no thread, no socket, no file ---------------------------------------------------------------

    def _build(self) -> None:
        settings, clock, metrics = self.settings, self.clock, self.metrics
        self.records = SqlRecords(settings.records.url or self.folder.records, metrics=metrics)
        self.lease = self._lease_of_records()
        self.catalogue = load_catalogue()
        self.registrar = Registrar(Registry())
        self.registry = RegistryDesk(
            records=self.records,
            registrar=self.registrar,
            catalogue=self.catalogue,
            clock=clock,
            handed_on=lambda _registry: self.source.wake(),
            scales=chosen,
        )
        self.journal = Journal(self.folder.journal, settings.journal, clock)
        series_meters = SeriesMeters(metrics)
        self.series = self._series_store(settings.series.url, series_meters.of("main"))
        self.mirrors = {
            mirror.name: self._series_store(mirror.url, series_meters.of(mirror.name))
            for mirror in settings.series.mirrors
        }
        servers = [store for store in self._stores() if isinstance(store, InfluxSeries)]
        self.figures = HourlyFigures(self.records, self.registrar, servers)
        self.connections = settings.mqtt.all_connections()
        ingest = settings.ingest
        limits = limits_of(ingest)
        self.spoken = tuple(Spoken.of(connection, limits, ingest.profiles) for connection in self.connections)
        self.pushed = spoken_by(settings.push, limits, ingest.profiles)
        self.following = Following(self.spoken, lambda name, topics: self.receivers[name].follow(topics))
        self.slots = Slots()
        self.pulse = Pulse(
            within_ms=round(3 * settings.mqtt.heartbeat_s * SECOND), connections=[c.name for c in self.connections]
        )
        self.decoding = DecodingMeters(metrics)
        self.source = BatchSource(
            self.journal,
            self._decoder,
            pulse=self.pulse,
            listeners=(
                self._beats_to_receivers,
                self._echo().note,
                self._asking().note,
                self.following.note,
                self.decoding.note,
            ),
        )
        self.commissioner = Commissioner(self.registry.renew, chosen)
        self.alarm_lane = AlarmLane(
            self.records,
            self.registrar,
            self.slots,
            clock,
            lateness=settings.ingest.lateness,
            public_url=self.public_url,
            publish=self._tell,
            commissioner=self.commissioner,
            renew=self.registry.renew,
            noticed=lambda channels: self.sender.wake(channels),  # noqa: PLW0108 - the sender is made later
        )
        metrics.register(Tallies("alarms", "What the alarm lane did", lambda: asdict(self.alarm_lane.tally)))
        self.series_lane = SeriesLane(self.series, self.registrar, self.slots, clock)
        meters = LaneMeters(metrics)
        self.alarm_runner = LaneRunner(
            self.alarm_lane,
            self.source,
            clock,
            fresh=self.pulse.fresh,
            meter=meters.of(self.alarm_lane.name),
            oldest_needed=self.alarm_lane.state_batch,
            taken=lambda batch: self.too_early.note(batch),  # noqa: PLW0108 - it is made later, of the intake
        )
        self.series_runner = self._series_runner(self.series_lane, meters)
        self.mirror_lanes = [
            SeriesLane(store, self.registrar, self.slots, clock, name=f"series:{name}")
            for name, store in self.mirrors.items()
        ]
        self.mirror_runners = [self._series_runner(lane, meters) for lane in self.mirror_lanes]
        self.backups = RunningHub(
            data=self.folder,
            clock=clock,
            journal=self.journal,
            series=next((store for store in self._stores() if isinstance(store, DuckSeries)), None),
            alarms=self.alarm_runner,
            records_url=settings.records.url,
        )
        self.backup_schedule = self._scheduled_backups()
        self.intake = IntakeThread(
            self.journal,
            settings.ingest,
            clock,
            follower=self.source,
            meters=IntakeMeters(metrics),
            needed=lambda: min(runner.done_with() for runner in self._runners()),
        )
        self.clouds = Clouds(settings, intake=self.intake, clock=clock, metrics=metrics, folder=self.folder.polls)
        mqtt_meters = MqttMeters(metrics)
        self.receivers = {
            connection.name: Receiver(
                connection,
                settings.mqtt,
                intake=self.intake,
                tail=self.journal,
                clock=clock,
                meters=mqtt_meters,
                state_file=self.folder.receivers / f"{connection.name}.json",
                on_dead=self._on_dead,
                profiles=settings.ingest.profiles,
            )
            for connection in self.connections
        }
        self.sender = Sender(
            self.records,
            discover(settings.notify, clock),
            clock=clock,
            attempts=settings.notify.attempts,
            metrics=metrics,
        )
        self.administration = Administration(self.records, clock)
        self.timetable = Timetable(self.records, self._jobs(), clock=clock, metrics=metrics)
        self.quarantine = QuarantineDesk(self.records, self.intake, clock, trial=self._trial_decoder)
        self.too_early = TooEarly(self.quarantine, clock, connections=[each.connection for each in self.spoken])
        deps = self._web_deps()
        self.server = Server(create_app(deps), settings.web, clock)
        self.web_pulse = WebPulse(deps)
        self.control = ControlServer(self.folder.socket, handlers(self))
        self.certificates = self._watched_certificates()
        self.watchdog = self._told_watchdog()
        self._show_itself()

    def _show_itself(self) -> None:
        """What /metrics says of the parts that alarms of the hub's own are about."""
        show_journal(self.metrics, self.clock, self.intake.standing)
        show_refused_lines(self.metrics, {name: store.count_rejected for name, store in self._servers().items()})
        show_certificates(self.metrics, self.clock, self.certificates)
        show_backups(self.metrics, self.clock, self.backup_schedule)

    def _watched_certificates(self) -> Certificates | None:
        """None where nothing is encrypted, and nothing else to be watched."""
        sources: list[Certificate] = []
        if self.settings.web.tls_cert is not None:
            sources.append(FileInUse(WEB, self.settings.web.tls_cert))
        for connection in self.connections:
            if connection.cert_file is not None:
                sources.append(FileInUse(own_of(connection.name), connection.cert_file))
            if connection.url.startswith(("mqtts:", "wss:")):
                sources.append(Shown(broker_of(connection.name), self.receivers[connection.name].certificate))
        elsewhere = [watched(each) for each in self.settings.certificates.watched]
        return Certificates(sources, elsewhere) if sources or elsewhere else None

    def _told_watchdog(self) -> Watchdog | None:
        wanted = self.settings.watchdog
        if wanted.url is None:
            return None

        def ready() -> bool:
            return all(line.status is not Status.DOWN for line in self.health(self.clock.now()))

        return Watchdog(wanted.url, every_s=wanted.every_s, ready=ready, clock=self.clock)

    def _series_store(self, url: str, meter: StoreMeter) -> SeriesStore:
        """The store that a URL means."""
        series = self.settings.series
        if url == EMBEDDED:
            return DuckSeries(self.folder.series, memory_limit=series.memory_limit, threads=series.threads, meter=meter)
        target = parse_target(url)
        return InfluxSeries(
            target,
            self.folder.series_positions(target.shown),
            self.clock,
            wanted_ms=series.raw_months * MONTH_MS,
            meter=meter,
        )

    def _series_runner(self, lane: SeriesLane, meters: LaneMeters) -> LaneRunner:
        return LaneRunner(
            lane,
            self.source,
            self.clock,
            fresh=self.pulse.fresh,
            meter=meters.of(lane.name),
            keep=lambda position, refusals: self.records.write(
                lambda books: books.quarantine.keep(position, list(refusals))
            ),
            oldest_needed=lane.oldest_needed,
        )

    def series_stores(self) -> dict[str, tuple[SeriesStore, LaneRunner]]:
        """By name: ``main`` is what pages read, the others are mirrors; each with the runner whose thread writes it."""
        mirrors = zip(self.mirrors.items(), self.mirror_runners, strict=True)
        return {"main": (self.series, self.series_runner)} | {
            name: (store, runner) for (name, store), runner in mirrors
        }

    def _servers(self) -> dict[str, InfluxSeries]:
        """Of the series stores those that other programs read, by name."""
        return {name: store for name, (store, _) in self.series_stores().items() if isinstance(store, InfluxSeries)}

    def _stores(self) -> list[SeriesStore]:
        return [self.series, *self.mirrors.values()]

    def _runners(self) -> list[LaneRunner]:
        return [self.alarm_runner, self.series_runner, *self.mirror_runners]

    def _web_deps(self) -> WebDeps:
        parts = Parts(
            records=self.records,
            registrar=self.registrar,
            catalogue=self.catalogue,
            clock=self.clock,
            live=self.alarm_lane.live,
            walks=self.commissioner.walks,
            renew=self.registry.renew,
            publish=self._publish,
            scales=chosen,
        )
        return WebDeps(
            settings=self.settings,
            clock=self.clock,
            records=self.records,
            registrar=self.registrar,
            catalogue=self.catalogue,
            live=self.alarm_lane.live,
            series=self.series,
            alarms=AlarmDesk(self.alarm_lane.commands, self.alarm_runner.submit, self.clock),
            tickets=TicketDesk(
                self.records, self.registrar, self.clock, public_url=self.public_url, publish=self._publish
            ),
            inbox=self.registry,
            commissioning=CommissioningDesk(parts),
            walk=WalkDesk(parts),
            devices=self.registry,
            redrive=self._redrive,
            unstored=self._unstored,
            health=self.health,
            metrics=self.metrics,
            changes=self.changes,
            inlet=self.clouds.inlet,
        )

    def broker_accounts(self) -> Accounts | None:
        """Of the broker that ``hub device-credentials`` changes: one of ours, the one of the settings, or none."""
        mqtt = self.settings.mqtt
        if self._accounts is not None:
            return self._accounts
        if mqtt.accounts_file is not None:
            hint = WATCHED if mqtt.accounts_watched else RELOAD
            return MosquittoAccounts(mqtt.accounts_file, mqtt.broker_pid_file, hint=hint)
        if self.folder.broker_passwords.exists():  # the demo's, while it does not run
            return MosquittoAccounts(self.folder.broker_passwords, None, hint=AT_START)
        return None

    def _redrive(self, items: Sequence[int], *, by: str) -> tuple[int, int]:
        result = self.quarantine.redrive(items)
        entry = AuditEntry(at=self.clock.now(), by=by, action="redrive", object=f"{len(items)} frames")
        self.records.write(lambda books: books.people.record(entry))
        return result

    def _unstored(self, communities: Collection[str] | None, limit: int) -> dict[str, Unstored]:
        return {name: store.unstored(communities, limit) for name, store in self._servers().items()}

    @property
    def url(self) -> str:
        """Where people find the pages."""
        return self.server.url

    @property
    def public_url(self) -> str:
        """What links in notices begin with."""
        web = self.settings.web
        return (web.public_url or f"http://{web.host}:{web.port}").rstrip("/")

    def _decoder(self, slots: Slots | None = None) -> Decoder:
        return Decoder(
            (*self.spoken, *self.pushed),
            self.slots if slots is None else slots,
            self.settings.ingest,
            known=lambda device: device in self.registrar.current.devices,
            window=self.settings.mqtt.receive_maximum,
            **({"counts": self.decoding.counts, "clocks": self.decoding.clocks} if slots is None else {}),
        )

    def _trial_decoder(self) -> Decoder:
        """One that knows what is known now, and whose trials leave no trace."""
        decoder = self._decoder(Slots())
        decoder.learn(self.journal.known_before(self.journal.last + 1))
        return decoder

    def _asking(self) -> Asking:
        def send(asked: Asked) -> None:
            if asked.connection in self.receivers:
                self.receivers[asked.connection].publish(asked.topic, asked.payload, retain=asked.retain)

        return Asking(send, self.clock, may_write=[each.connection for each in self.spoken if each.may_write])

    def _echo(self) -> Echo:
        def publish(connection: str, topic: str, payload: bytes) -> None:
            if connection in self.receivers:
                self.receivers[connection].publish(topic, payload)

        return Echo(publish, self.clock)

    def _beats_to_receivers(self, batch: Decoded) -> None:
        for beat in batch.beats:
            if beat.connection in self.receivers:
                self.receivers[beat.connection].beat_seen(beat.sent_at)

    def _tell(self, kind: str, data: dict[str, object]) -> None:
        self.changes.publish(kind, data, self.clock.now())

    def _publish(self, kind: str, data: dict[str, object]) -> None:
        self._tell(kind, data)
        if kind == "ticket":
            self.sender.wake()

    def take_backup(self, folder: Path, say: Say = lambda _word: None) -> Manifest:
        """Everything the hub keeps, of one moment, into a new folder, while it runs."""
        return take(folder, self.backups.cut, self.folder, say)

    def _lease_of_records(self) -> Lease | None:
        wanted = self.settings.records
        if wanted.url is None:
            return None
        return Lease(wanted.url, ttl_ms=round(wanted.lease_s * SECOND), on_lost=self._on_dead)

    def _scheduled_backups(self) -> BackupSchedule | None:
        wanted = self.settings.backup
        if wanted.folder is None:
            return None
        return BackupSchedule(
            wanted.folder,
            keep=wanted.keep,
            take=self.take_backup,
            due=lambda after: next_of_cron(wanted.when, after),
            clock=self.clock,
            began=self.clock.now(),
        )

    def _jobs(self) -> tuple[Job, ...]:
        kept = self.settings.series.kept()

        def forget(now: int) -> None:
            registry = self.registrar.current
            failed: list[StoreUnavailable] = []
            for store in self._stores():
                try:
                    done = store.forget(lambda point: kept.before(registry.metric_of(point.device, point.name), now))
                except StoreUnavailable as error:  # the other stores' turn comes all the same
                    failed.append(error)
                    continue
                log.info("Forgot what is older than it need be", extra={"action": "forget", "done": str(done)})
            if failed:
                raise failed[0]

        def clean(now: int) -> None:
            self.records.write(
                lambda books: books.people.forget(sessions_before=now, answers_before=now - ANSWERS_KEPT)
            )
            while self.records.write(lambda books: books.quarantine.forget(now - QUARANTINE_KEPT, limit=500)):
                pass

        jobs = [
            Job(name="forget", run=forget, cron="40 3 * * *"),
            Job(name="clean", run=clean, every_ms=HOUR),
            Job(name="own_look", run=self._look_at_itself, every_ms=MINUTE),
        ]
        if servers := self._servers():
            jobs.append(Job(name="figures", run=self.figures.run, every_ms=EVERY))
            targets = {
                name: own_health.Target(store.write_points, takes=partial(self._takes, name))
                for name, store in servers.items()
            }
            shown = own_health.HealthSeries(self._look_for_dashboards, targets)
            jobs.append(Job(name="own_health", run=shown.run, every_ms=own_health.EVERY))
        if self.backup_schedule is not None:
            jobs.append(Job(name="backup", run=self.backup_schedule.run, cron=self.settings.backup.when))
        return tuple(jobs)

    def _takes(self, store: str) -> bool:
        """Whether a series store takes what its lane brings, as far as the lane knows."""
        _, runner = self.series_stores()[store]
        return runner.halt() is None

    def _look_for_dashboards(self) -> HubLook:
        now = self.clock.now()
        journal = self.intake.standing(now)
        lanes = {"alarm": self.alarm_runner} | {
            "series" if name == "main" else f"series:{name}": runner
            for name, (_, runner) in self.series_stores().items()
        }
        return HubLook(
            hub=self.folder.hub_id(),
            at=now,
            lanes={name: LaneLook(runner.lag_ms(now), runner.behind) for name, runner in lanes.items()},
            brokers={name: receiver.connected for name, receiver in self.receivers.items()},
            stores={name: self._takes(name) for name in self.series_stores()},
            room_bytes=max(0, journal.left),
            hours_left=journal.hours_left,
            messages=self.journal.written,
        )

    def _look_at_itself(self, _tick: int) -> None:
        """The alarm lane writes alarms, and nobody else does: it is told how everything else stands."""
        now = self.clock.now()
        if self.certificates is not None:
            self.certificates.look(now)
        lanes = zip(self.series_stores().items(), (self.series_lane, *self.mirror_lanes), strict=True)
        found = own_findings(
            now,
            stores=(Standing(name, runner.halt(), lane.well_since) for (name, (_, runner)), lane in lanes),
            store_away=round(self.settings.series.alarm_after_s * SECOND),
            certificates=self.certificates,
            intake=self.intake,
            backups=self.backup_schedule,
        )
        self.alarm_runner.submit(lambda: self.alarm_lane.look_at_the_hub(found, now))

    # --- running ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the stores, rebuild the lanes' memory, hear the brokers, serve. ConfigError names what is wrong."""
        process.prepare()
        with contextlib.ExitStack() as steps:
            for step in (
                self._open_stores,
                self._start_lanes,
                self._start_sending,
                self._start_hearing,
                self._start_serving,
                process.spare_the_collector,
            ):
                step(steps)
            self._running = steps.pop_all()
        log.info("The hub runs", extra={"action": "started", "data_dir": str(self.folder.root)})

    def stop(self) -> None:
        """Stop in reverse. Nothing that was acknowledged is lost, also without this."""
        self._running.close()
        log.info("The hub has stopped", extra={"action": "stopped"})

    def _have_lease(self, lease: Lease, steps: contextlib.ExitStack, *, wait: bool) -> None:
        """One hub a database works; the others stand by, and a command says which one to ask."""
        steps.callback(lease.release)
        if wait:
            lease.stand_by(self.folder.hub_id(), self._on_standing_by)
        elif refused := lease.take(self.folder.hub_id()):
            raise ConfigError(
                f"records: {refused.holder} works on this database: run the command there, or stop that hub"
            )
        lease.start()

    def _open_stores(self, steps: contextlib.ExitStack, *, wait: bool = True) -> None:
        self.folder.make()
        if self._lock is None:
            lock = Lock(self.folder.lock)
            lock.take("a hub")
            steps.callback(lock.release)
        if self.lease is not None:
            self._have_lease(self.lease, steps, wait=wait)
        self.records.open(hub=self.folder.hub_id(), fence=None if self.lease is None else self.lease.fence)
        steps.callback(self.records.close)
        self._first_steps(self)
        self.registry.open()
        self.journal.open()
        steps.callback(self.journal.close)
        self.clouds.open(self.journal)
        for store in self._stores():
            store.open()
            steps.callback(store.close)

    def _start_lanes(self, steps: contextlib.ExitStack) -> None:
        self.following.start(self.journal.known_before(self.journal.last + 1))
        self.alarm_lane.open()
        self.alarm_lane.restore(self._batches_to_restore())
        self.intake.start()
        self.too_early.start()
        for runner in self._runners():
            runner.start()
        steps.callback(self._stop_lanes)

    def _batches_to_restore(self) -> Iterator[Decoded]:
        """What the alarm lane took after it last saved its memory, read again."""
        position = self.alarm_lane.position()
        reached = 0 if position is None else self.journal.shared_up_to(position)
        done = self.alarm_lane.state_batch()
        while done < reached and (batch := self.source.next("alarm", done)) is not None:
            yield batch
            done = batch.position.batch

    def _stop_lanes(self) -> None:
        self.too_early.stop()
        self.intake.stop()
        for runner in (self.series_runner, *self.mirror_runners):
            runner.stop()
        for lane in (self.series_lane, *self.mirror_lanes):
            with contextlib.suppress(StoreUnavailable):
                lane.flush()
        self.alarm_runner.stop()
        with contextlib.suppress(StoreUnavailable):
            self.alarm_lane.close()

    def _start_sending(self, steps: contextlib.ExitStack) -> None:
        self.sender.start()
        steps.callback(self.sender.stop)
        self.timetable.start()
        steps.callback(self.timetable.stop)

    def _start_serving(self, steps: contextlib.ExitStack) -> None:
        self.server.start()
        steps.callback(self.server.stop)
        self.web_pulse.start()
        steps.callback(self.web_pulse.stop)
        self.control.start()
        steps.callback(self.control.stop)
        if self.certificates is not None:
            self.certificates.start()
        if self.watchdog is not None:
            self.watchdog.start()
            steps.callback(self.watchdog.stop)

    def _start_hearing(self, steps: contextlib.ExitStack) -> None:
        self.folder.receivers.mkdir(exist_ok=True)
        for receiver in self.receivers.values():
            receiver.start()
            steps.callback(receiver.stop)
        self.clouds.start()
        steps.callback(self.clouds.stop)

    @contextlib.contextmanager
    def stores(self) -> Iterator[None]:
        """Only the stores and the way into the journal, for a command while no hub runs."""
        with contextlib.ExitStack() as steps:
            self._open_stores(steps, wait=False)
            self.intake.start()
            steps.callback(self.intake.stop)
            yield

    # --- what others ask ----------------------------------------------------------------------------------------

    def health(self, now: int) -> list[Health]:
        """One line for each component."""
        parts: list[Callable[[int], Health]] = [
            *self._more_health,
            *(receiver.health for receiver in self.receivers.values()),
            self.intake.health,
            self.decoding.health,
            self.alarm_runner.health,
            self.alarm_lane.health,
            self.series_runner.health,
            self.series_lane.health,
            *(part.health for pair in zip(self.mirror_runners, self.mirror_lanes, strict=True) for part in pair),
            self.records.health,
            self.sender.health,
            self.timetable.health,
            *(
                part.health
                for part in (self.lease, self.backup_schedule, self.certificates, self.watchdog)
                if part is not None
            ),
        ]
        return [*(part(now) for part in parts), *self.clouds.health(now)]
