"""The hub's settings: one model, the only reader of the environment and of hub.toml."""

from __future__ import annotations

import os
import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from hub.clock import MINUTE, from_iso
from hub.domain.metrics import METRICS
from hub.domain.polling import BLANKS, unknown_blanks
from hub.domain.retention import Kept, Retention
from hub.errors import ConfigError

GIB = 1024**3
_MICROSECONDS = 1_000_000
_PORTS = 65_535
EMBEDDED = "duckdb"
"""The series store inside the data folder."""
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
CloudName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")]
"""Shorter than a slug: with what stands before it, it is the name of a connection."""
HostId = Annotated[str, Field(pattern=r"^[^+#/\x00-\x1f\x7f]{1,128}$")]
"""As ``devices.formats.sparkplug_host`` wants it: a level of a topic."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Connection(_Section):
    """One broker that the hub listens to."""

    name: Slug = "main"
    url: str
    """``mqtt://``, ``mqtts://``, ``ws://`` or ``wss://user:pass@host:port``."""
    community: Slug | None = None
    """The community of foreign devices on this connection; native topics name theirs."""
    formats: tuple[str, ...] = ("native",)
    options: dict[str, dict[str, str]] = {}
    """Format -> its own settings, e.g. ``options.zigbee2mqtt.base = "z2m"``."""
    may_write: bool = False
    """Whether the hub may send to devices what their formats call for (a Sparkplug rebirth)."""
    sparkplug_host: HostId | None = None
    """The id under which the hub is a Sparkplug primary host here; unset: it is none."""
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if not url.startswith(("mqtt://", "mqtts://", "ws://", "wss://")):
            raise ValueError("expected mqtt://, mqtts://, ws:// or wss://, e.g. mqtt://user:pass@broker.example:1883")
        return url


class Mqtt(_Section):
    """[mqtt]"""

    url: str | None = None
    """The connection called ``main``; unset: the embedded broker (hub demo) or none."""
    community: Slug | None = None
    """The community of foreign devices on ``main``."""
    formats: tuple[str, ...] = ("native",)
    """What is spoken on ``main``: see docs/devices.md."""
    options: dict[str, dict[str, str]] = {}
    may_write: bool = False
    sparkplug_host: HostId | None = None
    version: Literal["5", "3.1.1"] = "5"
    transport: Literal["fast", "stock"] = "fast"
    embedded_port: int | None = Field(default=None, ge=0, le=65535)
    client_id: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    accounts_file: Path | None = None
    """mosquitto's password_file, where the hub may change it (hub device-credentials)."""
    broker_pid_file: Path | None = None
    """Where that mosquitto writes its process id; unset: somebody else tells it to read its accounts again."""
    accounts_watched: bool = False
    """That mosquitto's own starter watches accounts_file and has it read again, as docker/mosquitto/start does."""
    session_expiry_s: int = Field(default=7 * 24 * 3600, ge=60)
    receive_maximum: int = Field(default=65_000, ge=100, le=65_535)
    keepalive_s: int = Field(default=30, ge=5, le=600)
    heartbeat_s: float = Field(default=5.0, gt=0)
    connections: tuple[Connection, ...] = ()

    def all_connections(self) -> tuple[Connection, ...]:
        """``main`` first, then the further ones."""
        if self.url is None:
            return self.connections
        main = Connection(
            url=self.url,
            community=self.community,
            formats=self.formats,
            options=self.options,
            may_write=self.may_write,
            sparkplug_host=self.sparkplug_host,
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file,
        )
        return (main, *self.connections)


class Ingest(_Section):
    """[ingest]"""

    earliest: int = from_iso("2000-01-02T00:00:00Z")
    """Readings stamped before this have a clock problem (ISO 8601 or epoch ms)."""
    lateness: int = 10 * MINUTE
    """Readings later than this are judged apart (ms)."""
    batch_ms: float = Field(default=20.0, gt=0, le=1000)
    batch_messages: int = Field(default=5000, ge=1, le=60_000)
    payload_limit: int = Field(default=256 * 1024, ge=1024)
    depth_limit: int = Field(default=32, ge=2, le=128)
    values_limit: int = Field(default=500, ge=1)
    """Values in one message."""
    new_devices_per_minute: int = Field(default=600, ge=1)
    profiles: Path | None = None
    """A folder with your own profiles of devices, one TOML file each; each is a format by its file's name."""

    @field_validator("earliest", mode="before")
    @classmethod
    def _instant(cls, value: object) -> object:
        return from_iso(value if "T" in value else f"{value}T00:00:00Z") if isinstance(value, str) else value


def _with_secret_from_file(data: Any) -> Any:
    """``secret_file`` stands for ``secret`` with the file's content."""
    if not isinstance(data, dict) or data.get("secret_file") is None:
        return data
    if data.get("secret"):
        raise ValueError("secret and secret_file are both set: keep one of them")
    try:
        found = Path(str(data["secret_file"])).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise ValueError(f"secret_file {data['secret_file']} cannot be read: {error}") from error
    return {**data, "secret": found}


class PushSource(_Section):
    """[[push.sources]]: a vendor's cloud that pushes to ``/ingest/{name}``."""

    name: CloudName
    format: str
    """One of the wire formats that read ``http/{name}``."""
    community: Slug | None = None
    """The community of its devices."""
    options: dict[str, str] = {}
    """The format's own settings."""
    check: Literal["secret", "hmac_sha256", "hmac_sha256_time", "onenet"] = "secret"
    secret: str = Field(default="", repr=False)
    """Shared with the cloud: the secret itself, the key of its signature, or OneNET's token."""
    secret_file: Path | None = None
    header: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]{1,64}$")
    """Where the secret or the signature stands; unset: as is usual for the check."""
    max_age_s: float = Field(default=300.0, ge=10)
    """How far the time of a timed signature may be from the hub's."""
    rate_per_s: float = Field(default=50.0, gt=0)
    expect_every_s: float | None = Field(default=None, ge=60)
    """A silence longer than this is shown as trouble."""
    answer: str = Field(default="ok", max_length=200)
    """What the cloud wants to read in a good answer."""

    @model_validator(mode="before")
    @classmethod
    def _secret_from_file(cls, data: Any) -> Any:
        return _with_secret_from_file(data)

    @model_validator(mode="after")
    def _has_a_secret(self) -> Self:
        if not re.fullmatch(r"[\x21-\x7e]{16,200}", self.secret):
            raise ValueError("secret (or secret_file): expected 16 to 200 printable characters without blanks")
        if self.check == "secret" and not re.fullmatch(r"[A-Za-z0-9._~-]+", self.secret):
            raise ValueError("secret: it stands in an address: use letters, digits and . _ ~ - only")
        return self


class PushPoll(_Section):
    """[[push.polls]]: a vendor's cloud that only answers questions."""

    name: CloudName
    url: str
    """Asked with GET; may hold the blanks of ``hub.domain.polling``."""
    every_s: float = Field(default=300.0, ge=5)
    format: str
    community: Slug | None = None
    options: dict[str, str] = {}
    headers: dict[str, str] = {}
    """Sent with each question; may hold the same blanks."""
    secret: str = Field(default="", repr=False)
    """What stands for ``{secret}`` in url and headers."""
    secret_file: Path | None = None
    cursor: str = ""
    """Where in an answer the next ``{cursor}`` stands: names and numbers with dots between them."""
    good: dict[str, str | bool | int] = {}
    """Place in an answer (as ``cursor`` names it) -> what stands there in a good one; another answer is a failure."""
    first_s: float = Field(default=3600.0, ge=0)
    """How far back the first question reaches."""
    overlap_s: float = Field(default=60.0, ge=0)
    """How much of the span before is asked for again."""
    allow_private: bool = False
    """Loopback and private addresses may be asked."""
    ca_file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _secret_from_file(cls, data: Any) -> Any:
        return _with_secret_from_file(data)

    @field_validator("url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if not url.startswith(("https://", "http://")):
            raise ValueError("expected https:// or http://, e.g. https://cloud.example/devices?since={since_s}")
        return _with_known_blanks(url)

    @field_validator("headers")
    @classmethod
    def _plain_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", name) or not _with_known_blanks(value).isprintable():
                raise ValueError(f"header {name!r}: expected a plain name and one line of text")
        return headers


def _with_known_blanks(template: str) -> str:
    unknown = unknown_blanks(template)
    if unknown:
        known = ", ".join(f"{{{blank}}}" for blank in BLANKS)
        raise ValueError(f"nothing fills in {{{unknown[0]}}}: expected {known}")
    return template


class Push(_Section):
    """[push]: vendors' clouds."""

    answer_within_ms: int = Field(default=300, ge=50, le=60_000)
    """A push that is not durable by then is answered 503, and sent again."""
    sources: tuple[PushSource, ...] = ()
    polls: tuple[PushPoll, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [*(each.name for each in self.sources), *(each.name for each in self.polls)]
        if len(set(names)) < len(names):
            raise ValueError("two push sources or polls have the same name: each topic http/{name} is one cloud's")
        return self


class JournalSettings(_Section):
    """[journal]"""

    max_bytes: int = Field(default=10 * GIB, ge=10 * 1024**2)
    max_age_h: float = Field(default=7 * 24.0, gt=0)
    min_free: int | None = Field(default=None, ge=0)
    """Below this much free disk intake stops acknowledging; unset: 1 GiB or 5 % of the disk, whichever is more."""


class MetricRetention(_Section):
    """[series.retention.METRIC]; what is not set is as for every other metric."""

    raw_months: int | None = Field(default=None, ge=1)
    rollup_years: int | None = Field(default=None, ge=1)

    def over(self, default: Kept) -> Kept:
        """Both numbers, its own where it has them."""
        return Kept(
            raw_months=self.raw_months or default.raw_months, rollup_years=self.rollup_years or default.rollup_years
        )


class SeriesMirror(_Section):
    """[[series.mirrors]]: a further store that gets every reading, at its own pace."""

    name: Slug
    url: str
    """As ``series.url``."""

    @field_validator("url")
    @classmethod
    def _usable(cls, url: str) -> str:
        return _series_url(url)


def _series_url(url: str) -> str:
    return url if url == EMBEDDED else _influx_url(url)


def _influx_url(url: str) -> str:
    from hub.storage.influx.target import parse

    parse(url)
    return url


class Series(_Section):
    """[series]"""

    url: str = EMBEDDED
    """``duckdb``: embedded in the data folder; ``influxdb://…``: an InfluxDB."""
    mirrors: tuple[SeriesMirror, ...] = ()
    alarm_after_s: float = Field(default=900.0, ge=60)
    """A ticket is opened about a store that has taken nothing for so long. About one that refuses the hub: at once."""
    memory_limit: str = "64MB"
    threads: int = Field(default=2, ge=1)
    raw_months: int = Field(default=13, ge=1)
    rollup_years: int = Field(default=5, ge=1)
    retention: dict[str, MetricRetention] = {}
    """Metrics that are kept longer or shorter than the others."""

    @field_validator("url")
    @classmethod
    def _usable(cls, url: str) -> str:
        return _series_url(url)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        urls = [self.url, *(mirror.url for mirror in self.mirrors)]
        names = [mirror.name for mirror in self.mirrors]
        if len(set(urls)) < len(urls) or len(set(names)) < len(names):
            raise ValueError("two series stores have the same name or url: a mirror is another store than series.url")
        return self

    @field_validator("retention")
    @classmethod
    def _known_metrics(cls, given: dict[str, MetricRetention]) -> dict[str, MetricRetention]:
        for name in given:
            if name not in METRICS:
                near = ", ".join(get_close_matches(name, METRICS)) or "the names of the metric table"
                raise ValueError(f"no metric is called {name}: expected {near}")
        return given

    def kept(self) -> Retention:
        """How long each metric is kept."""
        default = Kept(raw_months=self.raw_months, rollup_years=self.rollup_years)
        return Retention(default=default, metrics={name: own.over(default) for name, own in self.retention.items()})


class RecordsSettings(_Section):
    """[records]"""

    url: str | None = None
    lease_s: float = Field(default=15.0, ge=1)
    """How long a hub that falls silent keeps the others of its PostgreSQL database waiting."""


class Backup(_Section):
    """[backup]"""

    folder: Path | None = None
    """Where the timetable puts a backup a day; unset: none is taken."""
    when: str = "20 2 * * *"
    """Minute hour day month weekday, UTC."""
    keep: int = Field(default=7, ge=1)

    @field_validator("when")
    @classmethod
    def _five_fields(cls, when: str) -> str:
        from apscheduler.triggers.cron import CronTrigger

        try:
            CronTrigger.from_crontab(when)
        except ValueError as error:
            raise ValueError(f"{error}; expected minute hour day month weekday, e.g. 20 2 * * *") from error
        return when


class Web(_Section):
    """[web]"""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: set both or neither")
        return self


class WatchedCertificate(_Section):
    """[[certificates.watched]]: one that others use, such as the devices' broker or the proxy before the pages."""

    name: Slug
    file: Path | None = None
    """PEM."""
    address: str | None = Field(default=None, pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):[0-9]{1,5}$")
    """``host:port`` of a server that speaks TLS from the first byte."""
    server_name: str | None = None
    """Asked for there; unset: the host."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.file is None) == (self.address is None):
            raise ValueError("a certificate is watched in a file or at an address: set one of the two")
        if self.server_name is not None and self.address is None:
            raise ValueError("server_name goes with address: a file is asked for no name")
        if self.address is not None and not 0 < self.host_and_port()[1] <= _PORTS:
            raise ValueError(f"address: a port is a number from 1 to {_PORTS}")
        return self

    def host_and_port(self) -> tuple[str, int]:
        """Of ``address``."""
        host, _, port = (self.address or "").rpartition(":")
        return host.strip("[]"), int(port)


class CertificatesSettings(_Section):
    """[certificates]"""

    watched: tuple[WatchedCertificate, ...] = ()

    @field_validator("watched")
    @classmethod
    def _each_once(cls, watched: tuple[WatchedCertificate, ...]) -> tuple[WatchedCertificate, ...]:
        names = [each.name for each in watched]
        if len(set(names)) < len(names):
            raise ValueError("two watched certificates have the same name: an alarm is about one of them")
        return watched


class Notify(_Section):
    """[notify]"""

    smtp_url: str | None = None
    """``smtp://user:pass@host:587`` (STARTTLS), ``smtps://…:465``, ``smtp+plain://`` for a relay on this machine."""
    smtp_from: str = "hub@localhost"
    webhook_secret: str | None = None
    """Key of the HMAC-SHA256 signature of outgoing webhooks."""
    allow_private_targets: bool = False
    """Webhooks may go to loopback and private addresses."""
    attempts: int = Field(default=8, ge=1, le=50)


class Watchdog(_Section):
    """[watchdog]"""

    url: str | None = None
    """Asked with GET again and again while the hub is ready; may be a secret."""
    every_s: float = Field(default=60.0, ge=1)

    @field_validator("url")
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("https://", "http://")):
            raise ValueError("expected https:// or http://, e.g. https://checks.example/ping/3f9c")
        return url


class GrafanaSettings(_Section):
    """[grafana]"""

    url: str | None = None
    token: str | None = None
    ca_file: Path | None = None
    series_url: str | None = None
    """InfluxDB as Grafana reaches it, written as the hub's own."""
    alert_to: str | None = None
    """E-mail address or webhook that Grafana tells when nothing arrives any more."""

    @field_validator("series_url")
    @classmethod
    def _usable(cls, url: str | None) -> str | None:
        return None if url is None else _influx_url(url)


class Log(_Section):
    """[log]"""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool = False


class Settings(BaseSettings):
    """Everything that can be set. Environment: ``HUB_SECTION__KEY``; a secret can come from ``HUB_…_FILE``."""

    model_config = SettingsConfigDict(
        env_prefix="HUB_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    data_dir: Path = Path("hub-data")
    admin_token: str | None = None
    mqtt: Mqtt = Mqtt()
    ingest: Ingest = Ingest()
    push: Push = Push()
    journal: JournalSettings = JournalSettings()
    series: Series = Series()
    records: RecordsSettings = RecordsSettings()
    backup: Backup = Backup()
    web: Web = Web()
    certificates: CertificatesSettings = CertificatesSettings()
    notify: Notify = Notify()
    watchdog: Watchdog = Watchdog()
    grafana: GrafanaSettings = GrafanaSettings()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file: what is passed in here comes from hub.toml."""
        return env_settings, init_settings


def load(config: Path | None = None) -> Settings:
    """Read ``config`` (or ``hub.toml`` in the working folder, if it is there) and the environment.

    Raises ConfigError naming the key, what was found and what would be right.
    """
    path = config if config is not None else Path("hub.toml")
    data: dict[str, Any] = {}
    if config is not None or path.exists():
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be read ({error.strerror}); give --config FILE a readable file"
            ) from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path}: not valid TOML: {error}") from error
    _take_secret_files(os.environ)
    _refuse_unknown_environment(os.environ)
    try:
        return Settings(**data)
    except ValidationError as error:
        raise ConfigError("; ".join(_explain(item, path) for item in error.errors())) from error


class Systemd(NamedTuple):
    """What systemd tells a service that it watches."""

    address: str
    """Of the socket that it listens at."""
    watchdog_s: float
    """It kills a service that has said nothing for so long; 0: it does not."""


def systemd() -> Systemd | None:
    """None where the hub was not started by systemd as a service of type notify."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return None
    meant = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    microseconds = os.environ.get("WATCHDOG_USEC", "0")
    return Systemd(address, int(microseconds) / _MICROSECONDS if meant and microseconds.isdigit() else 0.0)


def _explain(item: Any, path: Path) -> str:
    key = ".".join(str(part) for part in item["loc"])
    name = "HUB_" + "__".join(str(part) for part in item["loc"]).upper()
    if item["type"] == "extra_forbidden":
        return f"unknown key {key} (in {path} or as {name}): see docs/settings.md for the keys that exist"
    return f"{key} ({path} or {name}): {item['msg']}; found {_shown(item)}"


def _shown(item: Any) -> str:
    """What was found, but no secret: of a table the keys alone."""
    found = item["input"]
    if isinstance(found, dict):
        return f"a table with {', '.join(map(str, found)) or 'nothing'}"
    if item["loc"] and item["loc"][-1] in _SECRETS:
        return "***"
    return re.sub(r"://[^/@\s]*@", "://***@", repr(found))


def _take_secret_files(environment: os._Environ[str]) -> None:
    """``HUB_X_FILE=/run/secrets/x`` stands for ``HUB_X=<content>``."""
    for name in [n for n in environment if n.startswith("HUB_") and n.endswith("_FILE") and n not in _FILE_SETTINGS]:
        try:
            environment[name.removesuffix("_FILE")] = Path(environment[name]).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(f"{name}: {environment[name]} cannot be read ({error.strerror})") from error
        del environment[name]


_SECRETS = frozenset({"secret", "webhook_secret", "token", "admin_token"})
_FILE_SETTINGS = frozenset(
    {
        "HUB_GRAFANA__CA_FILE",
        *(f"HUB_MQTT__{name}_FILE" for name in ("CA", "CERT", "KEY", "ACCOUNTS", "BROKER_PID")),
    }
)
_OTHER_VARIABLES = frozenset({"HUB_TEST_DATA", "HUB_TEST_INFLUX_URL", "HUB_SKIP_ASSETS"})


def _refuse_unknown_environment(environment: os._Environ[str]) -> None:
    """pydantic-settings passes over unknown names of the environment; a misspelt setting must not."""
    fields = Settings.model_fields
    for name in environment:
        if not name.startswith("HUB_") or name in _OTHER_VARIABLES:
            continue
        section, _, key = name.removeprefix("HUB_").lower().partition("__")
        if section not in fields:
            raise ConfigError(f"unknown setting {name}: no section or key {section!r}; see docs/settings.md")
        model = fields[section].annotation
        if (
            key
            and isinstance(model, type)
            and issubclass(model, BaseModel)
            and key.split("__")[0] not in model.model_fields
        ):
            known = ", ".join(sorted(model.model_fields))
            raise ConfigError(f"unknown setting {name}: [{section}] has {known}")
