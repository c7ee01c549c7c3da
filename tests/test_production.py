"""Production refuses to start on an unsafe setting, and says which: each one alone, and by the real command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from newsletter import settings as settings_file
from newsletter.errors import SettingsError
from newsletter.settings import DEVELOPMENT_KEY, Settings
from tests.shell import Shell

SAFE = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "k3y-" * 12,
    "SITE_URL": "https://news.example.com",
    "POSTAL_ADDRESS": "Evenhand, 1 Quay Street, Port Linden",
    "MAIL_FROM": "Evenhand <morning@news.example.com>",
    "MAIL_PROVIDER": "smtp",
    "SMTP_URL": "smtp://mail.example.com:587",
    "STRIPE_API_KEY": "sk_live_invented",
    "STRIPE_WEBHOOK_SECRET": "whsec_invented",
    "STRIPE_PRICE_ID": "price_invented",
}
UNSAFE = [
    ("SECRET_KEY", {"SECRET_KEY": DEVELOPMENT_KEY}),
    ("SECRET_KEY", {"SECRET_KEY": "k" * 31}),
    ("SITE_URL", {"SITE_URL": "http://news.example.com"}),
    ("POSTAL_ADDRESS", {"POSTAL_ADDRESS": None}),
    ("MAIL_FROM", {"MAIL_FROM": None}),
    ("NOTICE_FROM", {"NOTICE_FROM": "Evenhand <hello@localhost>"}),
    ("MAIL_PROVIDER", {"MAIL_PROVIDER": "outbox"}),
    ("SMTP_URL", {"SMTP_URL": None}),
    ("SENDGRID_API_KEY", {"MAIL_PROVIDER": "sendgrid"}),
    (
        "SENDGRID_HOST",
        {
            "MAIL_PROVIDER": "sendgrid",
            "SENDGRID_API_KEY": "SG.invented",
            "SENDGRID_HOST": "http://127.0.0.1:1",
        },
    ),
    ("SECRET_KEYS_BEFORE", {"SECRET_KEYS_BEFORE": f"{'o' * 40},{DEVELOPMENT_KEY}"}),
    ("STRIPE_API_KEY", {"STRIPE_API_KEY": None}),
    ("STRIPE_WEBHOOK_SECRET", {"STRIPE_WEBHOOK_SECRET": None}),
    ("STRIPE_PRICE_ID", {"STRIPE_PRICE_ID": None}),
    ("STRIPE_API_BASE", {"STRIPE_API_BASE": "http://127.0.0.1:1"}),
]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[dict[str, str | None]], Settings]:
    """The Settings as production reads them from its environment; None is not set."""
    monkeypatch.chdir(tmp_path)  # no .env of the machine's
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)

    def read(changes: dict[str, str | None]) -> Settings:
        for name, value in {**SAFE, **changes}.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return settings_file.load()

    return read


def test_safe_settings_start(load: Callable[..., Settings]) -> None:
    assert load({}).in_production


@pytest.mark.parametrize(("name", "change"), UNSAFE)
def test_an_unsafe_setting_is_refused_by_its_name(
    load: Callable[..., Settings], name: str, change: dict[str, str | None]
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(change)
    assert str(refused.value).startswith(f"Refusing to start in production: {name} must ")
    assert str(refused.value).count(" must be ") == 1, "and no other is blamed"
    secret = change.get("SECRET_KEY") or SAFE["SECRET_KEY"]
    assert secret not in str(refused.value)


@pytest.mark.parametrize(("name", "change"), UNSAFE)
def test_development_starts_with_it(
    load: Callable[..., Settings], name: str, change: dict[str, str | None]
) -> None:
    assert not load({**change, "ENVIRONMENT": "development"}).in_production


@pytest.mark.parametrize("name", ["STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_PRICE_ID"])
def test_without_a_price_no_payment_processor_is_needed(load: Callable[..., Settings], name: str) -> None:
    """But with Stripe's key, those who still pay are served, and its webhook must be believed."""
    none = dict.fromkeys(("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_PRICE_ID"))
    free = load({**none, "PRICE": ""})
    assert (free.is_free, free.has_checkout, free.trial_days) == (True, False, 0)
    needed = name == "STRIPE_WEBHOOK_SECRET"
    if needed:
        with pytest.raises(SettingsError, match="STRIPE_WEBHOOK_SECRET must be set"):
            load({"PRICE": "", name: None})


def test_an_empty_price_is_heard_and_other_empty_variables_are_not_set(
    load: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load({}).PRICE == "$5"
    (tmp_path / ".env").write_text("PRICE=\nSITE_NAME=\nTRIAL_DAYS=3\n")
    written = settings_file.load()
    assert (written.PRICE, written.SITE_NAME, written.TRIAL_DAYS) == ("", "Evenhand", 3)
    monkeypatch.setenv("PRICE", "$7")
    assert settings_file.load().PRICE == "$7"


@pytest.mark.parametrize("value", ["free", "0", "$0", "–"])
def test_a_price_names_an_amount(load: Callable[..., Settings], value: str) -> None:
    with pytest.raises(SettingsError, match=r"^Settings are wrong. PRICE: must name an amount"):
        load({"PRICE": value})


def test_feeds_of_a_private_network_are_named_one_by_one(load: Callable[..., Settings]) -> None:
    named = load({"FETCH_ALLOW_PRIVATE": "10.0.0.7:8080, Wire.internal:80,[fd00::7]:443"}).allowed_private
    assert named == {("10.0.0.7", 8080), ("wire.internal", 80), ("fd00::7", 443)}


@pytest.mark.parametrize(
    "value",
    [
        *(
            "10.0.0.7",
            "10.0.0.7:",
            ":80",
            "10.0.0.7:0",
            "10.0.0.7:65536",
            "10.0.0.0/8:80",
            "*:80",
            "*.internal:80",
        ),
        *("http://10.0.0.7:80", "10.0.0.7-9:80 x", "169.254.169.254:80", "[fe80::1]:80", "10.0.0.7:80,*:80"),
    ],
)
def test_a_range_of_private_places_is_refused(load: Callable[..., Settings], value: str) -> None:
    with pytest.raises(SettingsError, match=r"^Settings are wrong. FETCH_ALLOW_PRIVATE: .* is not host:port"):
        load({"FETCH_ALLOW_PRIVATE": value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_FROM", "Evenhand"),
        ("MAIL_FROM", "Evenhand morning@example.com"),
        ("MAIL_FROM", "Evenhand <morning@example.com> <x@example.com>"),
        ("MAIL_FROM", "a@example.com, b@example.com"),
        ("NOTICE_FROM", "hello"),
        ("NOTICE_FROM", "Evenhand\nBcc: x@example.com <hello@example.com>"),
        ("OPERATORS", "Ann <ann@example.com>"),
        ("OPERATORS", "ann@example.com; bo@example.com"),
        ("OPERATORS", "ann@example.com,bo"),
    ],
)
def test_what_is_no_address_is_refused_everywhere(
    load: Callable[..., Settings], name: str, value: str
) -> None:
    """An operator who cannot be mailed would keep every alert, and every dispute, from being told to the others."""
    with pytest.raises(SettingsError, match=f"^Settings are wrong. {name}: "):
        load({name: value, "ENVIRONMENT": "development"})


@pytest.mark.parametrize(
    "value",
    [
        "api.example.com/v1",
        "localhost:11434/v1",
        "htps://api.example.com/v1",
        "http:/api.example.com/v1",
        "https://",
        "https://:443/v1",
        "http://127.0.0.1:eighty/v1",
        "http://127.0.0.1:114340/v1",
        "http://[::1/v1",
        "https://api.example .com/v1",
    ],
)
@pytest.mark.parametrize(
    "name", ["LLM_BASE_URL", "EMBEDDING_BASE_URL", "SITE_URL", "SENDGRID_HOST", "STRIPE_API_BASE"]
)
def test_what_is_no_web_address_is_refused_at_the_start(
    load: Callable[..., Settings], name: str, value: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load({name: value, "ENVIRONMENT": "development"})
    said = f"Settings are wrong. {name}: must be an http(s) address such as https://news.example.com."
    assert str(refused.value) == said


@pytest.mark.parametrize("name", ["LLM_BASE_URL", "EMBEDDING_BASE_URL"])
def test_a_model_of_ones_own_lives_anywhere_and_none_is_the_vendors(
    load: Callable[..., Settings], name: str
) -> None:
    assert getattr(load({}), name) == ""
    assert getattr(load({name: ""}), name) == ""
    for value in ("http://127.0.0.1:11434/v1", "https://models.example.com/v1/", " http://[::1]:8080/v1 "):
        assert getattr(load({name: value}), name) == value.strip().rstrip("/")


def test_addresses_are_taken_as_people_write_them(load: Callable[..., Settings]) -> None:
    found = load({"OPERATORS": " Ann@Example.com, bo@bücher.example,", "MAIL_FROM": "morning@example.com"})
    assert found.operators == ("ann@example.com", "bo@xn--bcher-kva.example")
    for sender in ("Evenhand <m@example.com>", '"Evenhand, Inc." <m@example.com>', "<m@example.com>"):
        assert sender == load({"MAIL_FROM": sender}).MAIL_FROM


@pytest.mark.parametrize(
    "words", [("web",), ("schedule",), ("run", "--once"), ("step", "gather")], ids=lambda w: w[0]
)
def test_every_way_to_start_refuses_in_one_sentence(
    shell: Shell, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = shell(*words, cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "ENVIRONMENT": "production"})
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1
    for name in ("SECRET_KEY", "SITE_URL", "POSTAL_ADDRESS", "MAIL_FROM", "MAIL_PROVIDER", "STRIPE_API_KEY"):
        assert name in done.stderr
    assert list(tmp_path.iterdir()) == [], "nothing was made"
