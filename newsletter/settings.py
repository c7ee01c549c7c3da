"""What the operator configured: environment or ``.env``, read once, frozen, handed on as an argument."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, JsonValue, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from newsletter import settings_words
from newsletter.errors import SettingsError

DEVELOPMENT_KEY = "development-only-not-a-secret"
_HERE = Path(__file__).parent


def _needed_by(provider: str, *, https: bool = False) -> dict[str, JsonValue]:
    """Marks a setting that production must have for ``MAIL_PROVIDER=provider``; ``https``: and that must be such an address."""
    return {"needed_by": provider, "https": https}


class Settings(BaseSettings):
    """Every setting, its default and what it is for."""

    model_config = SettingsConfigDict(env_file=".env", frozen=True, extra="ignore", env_ignore_empty=True)

    ENVIRONMENT: Literal["development", "production"] = Field(
        "development", description="production refuses to start on an unsafe setting and says which."
    )
    DATABASE_URL: str = Field(
        "sqlite:///var/newsletter.db",
        description="SQLAlchemy address; SQLite in var/ by default, postgresql+psycopg://… when that is outgrown.",
    )
    SECRET_KEY: SecretStr = Field(
        SecretStr(DEVELOPMENT_KEY),
        description="Signs links and sessions and keys address hashes. 32 characters or more in production.",
    )
    SECRET_KEYS_BEFORE: SecretStr = Field(
        SecretStr(""),
        description="Comma list of earlier SECRET_KEYs, oldest first: unsubscribe links they signed stay good. The oldest keys address hashes.",
    )
    SITE_URL: str = Field(
        "http://127.0.0.1:8000",
        description="Where the site lives; every link is built from it and from nothing else.",
    )
    SITE_NAME: str = Field("Evenhand", description="The newsletter's name, in subject lines, pages and mail.")
    POSTAL_ADDRESS: str = Field(
        "Evenhand (development), no postal address set",
        description="Printed at the foot of every mail, as the law asks. Must be set in production.",
    )
    MAIL_FROM: str = Field(
        "Evenhand <morning@localhost.localdomain>",
        description="The Sender, as 'Name <address>'. Must be set in production.",
    )
    NOTICE_FROM: str = Field(
        "",
        description="The Sender of mail that answers or warns one person: confirmations, sign-in links, receipts, alerts; empty: MAIL_FROM.",
    )
    MAIL_PROVIDER: str = Field(
        "outbox", description="Who takes our mail. outbox keeps .eml files in OUTBOX_DIR."
    )
    OUTBOX_DIR: Path = Field(Path("var/outbox"), description="Folder of the Outbox provider.")
    SMTP_URL: SecretStr = Field(
        SecretStr(""),
        description="smtp://user:password@host:587 or smtps://…, for MAIL_PROVIDER=smtp.",
        json_schema_extra=_needed_by("smtp"),
    )
    BOUNCE_MAILDIR: Path | None = Field(
        None,
        description="Maildir of the mailboxes of MAIL_FROM and NOTICE_FROM, where bounces and complaints come back (MAIL_PROVIDER=smtp); read by the settle step, which deletes what it booked.",
    )
    DKIM_SELECTOR: str = Field(
        "",
        description="Name of the DKIM key in the DNS of the domains of MAIL_FROM and NOTICE_FROM, when our mail is signed here (MAIL_PROVIDER=smtp).",
    )
    DKIM_KEY_FILE: Path | None = Field(
        None, description="The private RSA key (PEM) that signs; empty when the relay signs by itself."
    )
    SENDGRID_API_KEY: SecretStr = Field(
        SecretStr(""),
        description="For MAIL_PROVIDER=sendgrid.",
        json_schema_extra=_needed_by("sendgrid"),
    )
    SENDGRID_HOST: str = Field(
        "https://api.sendgrid.com",
        description="Base URL of the SendGrid API.",
        json_schema_extra=_needed_by("sendgrid", https=True),
    )
    SENDGRID_WEBHOOK_KEY: str = Field("", description="Public key that signs SendGrid's event webhook.")
    LEAVING_DIR: Path = Field(
        Path("var/leaving"),
        description="Folder of unsubscribes that the database could not take at the moment, taken up as soon as it can;"
        " and of the standing list of who left, for a restore.",
    )
    FENCE_DIR: Path = Field(
        Path("var/fence"),
        description="Where a machine remembers the PostgreSQL it mailed from, so that a restored copy is noticed.",
    )
    BATCH_SIZE: int = Field(
        500, ge=1, le=1000, description="Deliveries submitted together; small keeps a doubt small."
    )
    EDITION_TZ: str = Field(
        "America/New_York", description="The newsletter's own zone: whose day an Issue bears."
    )
    COMPOSE_AT: str = Field("04:30", description="When the Issue is composed, HH:MM in EDITION_TZ.")
    APPROVAL: Literal["auto", "manual"] = Field(
        "auto", description="auto approves when no Check blocks; manual waits for an operator."
    )
    STALE_AFTER: int = Field(
        18,
        ge=1,
        le=72,
        description="Hours after its compose time at which an Issue is no longer sent by itself.",
    )
    TRIAL_DAYS: int = Field(7, ge=0, le=60, description="Days of full access after confirming.")
    FREE_STORIES: int = Field(
        5, ge=0, le=1000, description="Story pages a month that a metered reader may open."
    )
    PRICE: str = Field(
        "$5",
        description="What a month costs, as shown to readers. Set to nothing (PRICE=): everything is free to read, and nothing is said of prices or trials.",
    )
    STRIPE_API_KEY: SecretStr = Field(
        SecretStr(""), description="Stripe secret key; empty uses the offline stand-in."
    )
    STRIPE_API_BASE: str = Field("https://api.stripe.com", description="Base URL of the Stripe API.")
    STRIPE_WEBHOOK_SECRET: SecretStr = Field(SecretStr(""), description="Signs Stripe's webhooks.")
    STRIPE_PRICE_ID: str = Field("", description="The Stripe price of one month.")
    SUMMARIZER: Literal["auto", "extractive", "llm"] = Field(
        "auto",
        description="Who writes the Stories: auto takes a model when LLM_MODEL is set, else the outlets' own words.",
    )
    LLM_MODEL: str = Field("", description="The writer, as provider:model, such as openai:gpt-4o-mini.")
    JUDGE_MODEL: str = Field(
        "", description="The model that judges what the writer wrote; empty means LLM_MODEL."
    )
    LLM_TIMEOUT: int = Field(90, ge=1, le=600, description="Seconds that one answer may take.")
    LLM_CONCURRENCY: int = Field(
        6, ge=1, le=32, description="Stories written at the same time; 1 for a local server."
    )
    LLM_BASE_URL: str = Field("", description="Base URL of an OpenAI-compatible server.")
    LLM_API_KEY: SecretStr = Field(SecretStr(""), description="Key for the language model.")
    LLM_DAILY_TOKENS: int = Field(
        2_000_000,
        ge=0,
        description="Tokens a day that may be spent; past that the Stories are told extractively.",
    )
    LLM_DIR: Path = Field(
        Path("var/llm"), description="Folder of answers kept by content for 30 days, and of what was spent."
    )
    EMBEDDING_MODEL: str = Field(
        "", description="Name of an embedding model that helps grouping; empty groups by words alone."
    )
    EMBEDDING_BASE_URL: str = Field(
        "", description="Base URL of its OpenAI-compatible server; empty asks OpenAI itself."
    )
    EMBEDDING_API_KEY: SecretStr = Field(SecretStr(""), description="Key for the embedding model.")
    OUTLETS_FILE: Path = Field(
        _HERE / "feeds" / "outlets.toml", description="The catalogue of Outlets and their Feeds."
    )
    READ_PAGES: Literal["allowed", "off"] = Field(
        "allowed",
        description="Whether articles' pages are read where their feed gives little: where the catalogue, robots.txt, licences and the page allow it, or never.",
    )
    PAGE_TEXT_DAYS: int = Field(
        7, ge=1, le=30, description="Days after which the text of a page that was read is deleted."
    )
    FETCH_ALLOW_PRIVATE: str = Field(
        "",
        description="Comma list of host:port, each one place on a private network that feeds may be fetched from; any other is refused.",
    )
    ALERT_URLS: SecretStr = Field(
        SecretStr(""),
        description="Addresses of apprise, separated by spaces, that alerts go to beside operators' mail: chat, push, SMS,"
        " mail by another relay.",
    )
    ALERT_WHEN_SENT: bool = Field(
        False, description="Whether ALERT_URLS are told each day how many copies of the issue went out."
    )
    HEARTBEAT_URL: SecretStr = Field(
        SecretStr(""),
        description="An address that is asked when an issue has gone out to everybody, so that another service notices when it is not.",
    )
    OPERATORS: str = Field("", description="Comma list of addresses that may sign in to the desk.")
    TRUSTED_PROXIES: int = Field(0, ge=0, le=5, description="How many proxies in front add X-Forwarded-For.")

    @field_validator("SITE_URL", "SENDGRID_HOST", "STRIPE_API_BASE", "LLM_BASE_URL", "EMBEDDING_BASE_URL")
    @classmethod
    def _web_address(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.field_name in ("LLM_BASE_URL", "EMBEDDING_BASE_URL"):
            return value  # the vendor's own
        return settings_words.web_address(value)

    @field_validator("EDITION_TZ")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"'{value}' is not an IANA time zone such as America/New_York") from error
        return value

    @field_validator("COMPOSE_AT")
    @classmethod
    def _time_of_day(cls, value: str) -> str:
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
            raise ValueError("must be HH:MM, such as 04:30")
        return value

    @field_validator("SITE_NAME", "MAIL_FROM", "POSTAL_ADDRESS")
    @classmethod
    def _one_line(cls, value: str) -> str:
        return settings_words.one_line(value)

    @field_validator("MAIL_FROM", "NOTICE_FROM")
    @classmethod
    def _sender(cls, value: str) -> str:
        return settings_words.sender(settings_words.one_line(value)) if value else value

    @field_validator("OPERATORS")
    @classmethod
    def _addresses(cls, value: str) -> str:
        return ",".join(settings_words.mailable(part.strip()) for part in value.split(",") if part.strip())

    @field_validator("DKIM_SELECTOR")
    @classmethod
    def _selector(cls, value: str) -> str:
        if value and not re.fullmatch(
            r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9-]{1,63})*", value
        ):
            raise ValueError("must be a name such as s1")
        return value

    @field_validator("PRICE")
    @classmethod
    def _amount(cls, value: str) -> str:
        if value.strip() and not re.search(r"[1-9]", value):
            raise ValueError("must name an amount such as $5, or be empty when everything is free")
        return value.strip()

    @field_validator("FETCH_ALLOW_PRIVATE")
    @classmethod
    def _host_ports(cls, value: str) -> str:
        settings_words.require_host_ports(value)
        return value

    @property
    def compose_time(self) -> tuple[int, int]:
        """Hour and minute of ``COMPOSE_AT``."""
        hour, minute = self.COMPOSE_AT.split(":")
        return int(hour), int(minute)

    @property
    def allowed_private(self) -> frozenset[tuple[str, int]]:
        """``FETCH_ALLOW_PRIVATE`` as (host, port) pairs."""
        parts = (p.strip().rpartition(":") for p in self.FETCH_ALLOW_PRIVATE.split(",") if p.strip())
        return frozenset((host.lower().strip("[]"), int(port)) for host, _, port in parts)

    @property
    def is_free(self) -> bool:
        """Whether everybody may read everything and nothing is sold: ``PRICE`` is empty."""
        return not self.PRICE

    @property
    def has_checkout(self) -> bool:
        """Whether pages of payments are served: something is sold, or was, and Stripe may still charge for it."""
        return not self.is_free or bool(self.STRIPE_API_KEY.get_secret_value())

    @property
    def trial_days(self) -> int:
        """``TRIAL_DAYS``; 0 where nothing is sold."""
        return 0 if self.is_free else self.TRIAL_DAYS

    @property
    def operators(self) -> tuple[str, ...]:
        """``OPERATORS`` as addresses in lower case, as ``addresses.normalise`` writes them."""
        return tuple(a.strip().lower() for a in self.OPERATORS.split(",") if a.strip())

    @property
    def signing_keys(self) -> list[str]:
        """Keys that signed links, oldest first; the last one signs now, the others are believed of unsubscribe links."""
        before = self.SECRET_KEYS_BEFORE.get_secret_value().split(",")
        return [*(key.strip() for key in before if key.strip()), self.SECRET_KEY.get_secret_value()]

    @property
    def hash_key(self) -> str:
        """Keys the hashes of addresses: the first key there ever was, for a hash cannot be made anew under another."""
        return self.signing_keys[0]

    @property
    def in_production(self) -> bool:
        return self.ENVIRONMENT == "production"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """An empty variable counts as not set, but for PRICE."""
        assert isinstance(dotenv_settings, DotEnvSettingsSource)
        file = dotenv_settings.env_file
        return (
            init_settings,
            _EmptyPrice(EnvSettingsSource(settings_cls, env_ignore_empty=False)),
            env_settings,
            _EmptyPrice(DotEnvSettingsSource(settings_cls, env_file=file, env_ignore_empty=False)),
            dotenv_settings,
        )

    def unsafe(self) -> list[str]:
        """Why production must not start with these Settings; empty when it may."""
        reasons = []
        key = self.SECRET_KEY.get_secret_value()
        if key == DEVELOPMENT_KEY or len(key) < 32:
            reasons.append("SECRET_KEY must be set to 32 or more random characters")
        if DEVELOPMENT_KEY in self.signing_keys[:-1]:
            reasons.append(
                "SECRET_KEYS_BEFORE must be without the development key: everybody knows it and could unsubscribe others"
            )
        if not self.SITE_URL.startswith("https://"):
            reasons.append("SITE_URL must be https")
        if "no postal address set" in self.POSTAL_ADDRESS:
            reasons.append("POSTAL_ADDRESS must be set")
        if "localhost" in self.MAIL_FROM:
            reasons.append("MAIL_FROM must be set to an address of your own domain")
        if "localhost" in self.NOTICE_FROM:
            reasons.append("NOTICE_FROM must be an address of your own domain")
        if self.MAIL_PROVIDER == "outbox":
            reasons.append("MAIL_PROVIDER must be a provider that sends: the Outbox only keeps mail")
        reasons += self._unsafe_provider()
        reasons += self._unsafe_payments()
        return reasons

    def _unsafe_provider(self) -> list[str]:
        """What the settings of the chosen email provider lack, as :func:`_needed_by` says."""
        reasons = []
        for name, field in type(self).model_fields.items():
            needs = field.json_schema_extra
            if not isinstance(needs, dict) or needs.get("needed_by") != self.MAIL_PROVIDER:
                continue
            value = getattr(self, name)
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            if not text:
                reasons.append(f"{name} must be set for MAIL_PROVIDER={self.MAIL_PROVIDER}")
            elif needs.get("https") and not text.startswith("https://"):
                reasons.append(f"{name} must be https")
        return reasons

    def _unsafe_payments(self) -> list[str]:
        """What the settings of Stripe lack. Without a price none is needed; with a key, those who still pay are served."""
        if not self.STRIPE_API_KEY.get_secret_value():
            wanted = "STRIPE_API_KEY must be set, or PRICE be empty: the offline stand-in takes no money"
            return [] if self.is_free else [wanted]
        reasons = []
        if not self.STRIPE_WEBHOOK_SECRET.get_secret_value():
            reasons.append("STRIPE_WEBHOOK_SECRET must be set: without it nobody learns what was paid")
        if not self.STRIPE_PRICE_ID and not self.is_free:
            reasons.append("STRIPE_PRICE_ID must be set")
        if not self.STRIPE_API_BASE.startswith("https://"):
            reasons.append("STRIPE_API_BASE must be https")
        return reasons


class _EmptyPrice(PydanticBaseSettingsSource):
    """PRICE alone, also when it is empty."""

    def __init__(self, source: EnvSettingsSource) -> None:
        super().__init__(source.settings_cls)
        self._source = source

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._source.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        return {name: value for name, value in self._source().items() if name == "PRICE"}


def load(**overrides: Any) -> Settings:
    """Read the Settings. Raises :class:`SettingsError` naming each wrong setting and why."""
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(str(p) for p in e['loc'])}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        )
        raise SettingsError(f"Settings are wrong. {said}.") from None
    if settings.in_production and (reasons := settings.unsafe()):
        raise SettingsError("Refusing to start in production: " + "; ".join(reasons) + ".")
    return settings
