"""The configuration: `kobling.toml`, and the environment variables that go before it.

Each key `k` of a section `s` is also the variable `KOBLING_S_K`, which wins; a variable without a value
counts as not set. What is there is checked at once, what is missing when somebody needs it, so a command
that only reads the database asks for no secret.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from kobling.adapters.channels.account import NONE, SECURITIES
from kobling.adapters.telemetry.log import FORMATS, LEVELS
from kobling.model.alert import AlertLimits
from kobling.model.errors import ConfigurationError
from kobling.service.address import checked_address, is_loopback
from kobling.service.secret import (
    NO_SECRET,
    Secret,
    plain_secret,
)
from kobling.service.setting_values import (
    SECRET_KEYS,
    address_of,
    beside,
    chosen_of,
    day_of,
    number_of,
    port_of,
    secret_of,
    texts_of,
)
from kobling.service.settings import (
    PATH_VARIABLE,
    Settings,
    settings_of_environment,
    settings_of_file,
    variable_of,
)

FILE_NAME: Final = "kobling.toml"
OWNER_MODELS: Final = ("person", "team")
ENTRA_TOKEN_URL: Final = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"  # noqa: S105 - an address
BUSINESS_CENTRAL_URL: Final = "https://api.businesscentral.dynamics.com"
WEB_CLIENT_URL: Final = "https://businesscentral.dynamics.com"
WEB_CLIENT_EXAMPLE: Final = f"{WEB_CLIENT_URL}/tenant/environment"
DATAVERSE_EXAMPLE: Final = "https://yourname.crm4.dynamics.com"
DATABASE_EXAMPLE: Final = "postgresql://user:password@host/database"


class ApplicationSection(msgspec.Struct, frozen=True, kw_only=True):
    """One service, and who kobling is there.

    url: without a slash at the end. token_url, scope: ready to use. ca_file: certificates of a further
    authority, or None. secret_expires: the day, if somebody wrote it down. A text that is not set is "".
    """

    url: str = ""
    tenant: str = ""
    client_id: str = ""
    token_url: str = ""
    scope: str = ""
    ca_file: Path | None = None
    secret: Secret = NO_SECRET
    secret_expires: date | None = None


class BusinessCentralSection(ApplicationSection, frozen=True, kw_only=True):
    """Section `[bc]`. company: its name or id, "" for the only one. web_url: where people open the
    environment, "" for where Microsoft runs it."""

    environment: str = ""
    company: str = ""
    web_url: str = ""

    @property
    def root(self) -> str:
        """The address under which the environment's APIs lie."""
        return f"{self.url}/v2.0/{quote(self.tenant, safe='')}/{quote(self.environment, safe='')}"

    @property
    def web(self) -> str:
        """The address of the web client, without a slash at the end; "" where it is not known."""
        if self.web_url or self.url != BUSINESS_CENTRAL_URL:
            return self.web_url
        return f"{WEB_CLIENT_URL}/{quote(self.tenant, safe='')}/{quote(self.environment, safe='')}"


class DataverseSection(ApplicationSection, frozen=True, kw_only=True):
    """Section `[crm]`."""


class DatabaseSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section `[database]`. url: as libpq takes it; it may hold a password. Not set: the embedded one."""

    url: Secret = NO_SECRET


class ConnectionSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section `[connection]`. name: under which the state is kept. owner_model: `person` or `team`."""

    name: str = "default"
    owner_model: str = "person"


class LogSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section `[log]`, of `worker` and `serve`. format: one of FORMATS; level: one of LEVELS."""

    format: str = FORMATS[0]
    level: str = LEVELS[0]


class WorkerSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section `[worker]`, of `worker` and `serve`. connections: the files of the connections that they serve
    beside the one that this file describes."""

    connections: tuple[Path, ...] = ()


class WebSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section `[web]`, of `serve`: where it listens, under which address the services reach it, "" for not at
    all, and what their notifications must carry."""

    host: str = "127.0.0.1"
    port: int = 8585
    public_url: str = ""
    secret: Secret = NO_SECRET


class AlertsSection(AlertLimits, frozen=True, kw_only=True):
    """Section `[alerts]`. digest_minutes: for how long news are gathered before they are sent."""

    digest_minutes: int = 0


class MailSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section `[mail]`: where alerts go; host is "" for nowhere. security: one of SECURITIES."""

    host: str = ""
    port: int = 587
    security: str = SECURITIES[0]
    user: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()
    secret: Secret = NO_SECRET


class WebhookSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section `[webhook]`: where alerts go; url is "" for nowhere. secret: with which they are signed."""

    url: str = ""
    secret: Secret = NO_SECRET


class TraceSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section `[trace]`. url: where spans are sent by OTLP over HTTP, "" for nowhere."""

    url: str = ""


class RetentionSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section `[retention]`. job_days: workers purge jobs that ended longer ago; 0 for never."""

    job_days: int = 0


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is configured. path: the absolute path of the file in use."""

    path: Path
    bc: BusinessCentralSection
    crm: DataverseSection
    database: DatabaseSection
    connection: ConnectionSection
    log: LogSection = LogSection()
    worker: WorkerSection = WorkerSection()
    web: WebSection = WebSection()
    alerts: AlertsSection = AlertsSection()
    mail: MailSection = MailSection()
    webhook: WebhookSection = WebhookSection()
    trace: TraceSection = TraceSection()
    retention: RetentionSection = RetentionSection()

    @property
    def folder(self) -> Path:
        """Where the file lies; relative paths in it start there."""
        return self.path.parent


def _keys(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    names = [field.name for field in msgspec.structs.fields(kind)]
    return tuple(key for name in names for key in (SECRET_KEYS if name == "secret" else (name,)))


SECTIONS: Final[dict[str, tuple[str, ...]]] = {
    "bc": _keys(BusinessCentralSection),
    "crm": _keys(DataverseSection),
    "database": _keys(DatabaseSection),
    "connection": _keys(ConnectionSection),
    "log": _keys(LogSection),
    "worker": _keys(WorkerSection),
    "web": _keys(WebSection),
    "alerts": _keys(AlertsSection),
    "mail": _keys(MailSection),
    "webhook": _keys(WebhookSection),
    "trace": _keys(TraceSection),
    "retention": _keys(RetentionSection),
}


def configuration_path(given: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The absolute path of the file to use: the one given, else KOBLING_CONFIG, else ./kobling.toml."""
    named = given or Path(environment.get(PATH_VARIABLE) or FILE_NAME)
    return Path(os.path.abspath(named.expanduser()))


def read_configuration(
    given: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Configuration:
    """Reads the file and the variables; ConfigurationError names the place, what is wrong and the cure."""
    path = configuration_path(given, environment)
    in_file = settings_of_file(path, SECTIONS)
    beside = settings_of_environment(environment, SECTIONS)
    for section in {section for section, key in beside if key in SECRET_KEYS}:
        for key in SECRET_KEYS:
            in_file.pop((section, key), None)
    settings = in_file | beside
    return Configuration(
        path=path,
        bc=BusinessCentralSection(
            **_application("bc", settings, path, BUSINESS_CENTRAL_URL)
            | {"web_url": address_of("bc", "web_url", settings, WEB_CLIENT_EXAMPLE, path=True)}
        ),
        crm=DataverseSection(**_application("crm", settings, path, "")),
        database=DatabaseSection(url=_database_url(settings)),
        connection=_connection(settings),
        log=LogSection(
            **chosen_of("log", "format", settings, FORMATS), **chosen_of("log", "level", settings, LEVELS)
        ),
        worker=_worker(settings, path),
        web=_web(settings, path),
        alerts=AlertsSection(
            **{one: number_of("alerts", one, settings) for one in texts_of("alerts", settings)}
        ),
        mail=_mail(settings, path),
        webhook=_webhook(settings, path),
        trace=_trace(settings),
        retention=RetentionSection(
            **{one: number_of("retention", one, settings) for one in texts_of("retention", settings)}
        ),
    )


def require(configuration: Configuration, section: str) -> None:
    """ConfigurationError names the first thing that `[bc]` or `[crm]` lacks to be reached."""
    values = configuration.bc if section == "bc" else configuration.crm
    needed = ("url", "tenant", *(("environment",) if section == "bc" else ()), "client_id", "secret")
    for key in needed:
        if not getattr(values, key):
            also = " (or secret_file, secret_command)" if key == "secret" else ""
            raise ConfigurationError(
                f"{configuration.path}: [{section}] {key} is not set.",
                cure=f"Write {key}{also} there, or set {variable_of(section, key)}.",
            )


def _application(section: str, settings: Settings, path: Path, url: str) -> dict[str, Any]:
    """The values of a section that describes a service, by the names of its struct."""
    texts = texts_of(section, settings)
    example = BUSINESS_CENTRAL_URL if section == "bc" else DATAVERSE_EXAMPLE
    url = address_of(section, "url", settings, example) or url
    token_url = address_of(section, "token_url", settings, ENTRA_TOKEN_URL, path=True) or ENTRA_TOKEN_URL
    ca_file = texts.get("ca_file")
    made = {
        "url": url,
        "token_url": token_url.replace("{tenant}", quote(texts.get("tenant", ""), safe="")),
        "scope": texts.get("scope") or f"{url}/.default",
        "ca_file": None if ca_file is None else beside(path, ca_file),
        "secret": secret_of(section, settings, path),
        "secret_expires": day_of(section, "secret_expires", settings),
    }
    return {key: text for key, text in texts.items() if key not in SECRET_KEYS} | made


def _database_url(settings: Settings) -> Secret:
    setting = settings.get(("database", "url"))
    if setting is None or not setting.plain():
        return NO_SECRET
    if not setting.plain().startswith(("postgresql://", "postgres://")):
        # The value is not shown: it may hold a password.
        raise ConfigurationError(
            f"{setting.where} is no PostgreSQL URL.", cure=f"Write it like {DATABASE_EXAMPLE}"
        )
    return plain_secret(setting.text, setting.where)


def _connection(settings: Settings) -> ConnectionSection:
    texts = texts_of("connection", settings)
    return ConnectionSection(**texts | chosen_of("connection", "owner_model", settings, OWNER_MODELS))


def _worker(settings: Settings, path: Path) -> WorkerSection:
    names = texts_of("worker", settings).get("connections", "").split(",")
    return WorkerSection(connections=tuple(beside(path, one.strip()) for one in names if one.strip()))


def _web(settings: Settings, path: Path) -> WebSection:
    texts = texts_of("web", settings)
    port = port_of("web", texts.pop("port", None), settings, WebSection().port)
    texts["public_url"] = address_of("web", "public_url", settings, "https://kobling.example.com")
    return WebSection(**texts, port=port, secret=secret_of("web", settings, path))


def _mail(settings: Settings, path: Path) -> MailSection:
    texts, secret = texts_of("mail", settings), secret_of("mail", settings, path)
    port = port_of("mail", texts.pop("port", None), settings, MailSection().port)
    recipients = tuple(one.strip() for one in texts.pop("recipients", "").split(",") if one.strip())
    security = chosen_of("mail", "security", settings, SECURITIES)
    made = MailSection(**texts | security, port=port, recipients=recipients, secret=secret)
    if not made.host:
        return made
    for key in ("sender", "recipients"):
        if not getattr(made, key):
            raise ConfigurationError(
                f"{path}: [mail] {key} is not set.",
                cure=f"Write it there, or set {variable_of('mail', key)}.",
            )
    if made.security == NONE and made.user and not is_loopback(made.host):
        raise ConfigurationError(
            f"{path}: [mail] would send a password that could be read on the way.",
            cure="Use security = starttls or tls; none with a user is for this machine only.",
        )
    return made


def _trace(settings: Settings) -> TraceSection:
    example = "http://127.0.0.1:4318/v1/traces"
    return TraceSection(url=address_of("trace", "url", settings, example, path=True))


def _webhook(settings: Settings, path: Path) -> WebhookSection:
    setting, secret = settings.get(("webhook", "url")), secret_of("webhook", settings, path)
    if setting is None or not setting.plain():
        return WebhookSection(secret=secret)
    address, mark, query = setting.plain().partition("?")
    url = checked_address(address, setting.where, path=True, example="https://alerts.example.com/kobling")
    if not secret:
        raise ConfigurationError(
            f"{path}: [webhook] secret is not set, so nobody could know that a message is ours.",
            cure="Write secret_file (or secret, secret_command) there, and give the receiver the same text.",
        )
    return WebhookSection(url=f"{url}{mark}{query}", secret=secret)
