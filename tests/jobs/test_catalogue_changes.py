"""A changed catalogue file is taken up at the next gathering of a running service; a broken one changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from newsletter import db
from newsletter.cli.opening import open_parts
from newsletter.db.models import Outlet
from newsletter.errors import CatalogueError
from newsletter.jobs import pipeline
from tests.clocks import Hands
from tests.servers.feed_server import FeedServer
from tests.web.sample_site import service_with

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)


def block(server: FeedServer, name: str) -> str:
    feed = server.says(f"/{name}", "<rss version='2.0'><channel><title>x</title></channel></rss>")
    return f'[[outlet]]\nname = "{name}"\nhomepage = "https://{name}.example/"\nlean = "center"\nfeeds = ["{feed}"]\n'


def listed(sessions: db.Sessions) -> set[str]:
    with db.reading(sessions) as session:
        return set(session.scalars(select(Outlet.name).where(Outlet.listed)))


def test_a_running_service_takes_up_a_changed_file_and_outlives_a_broken_one(
    sessions: db.Sessions, make_settings: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "outlets.toml"
    with FeedServer() as server:
        file.write_text(block(server, "lantern"))
        settings = make_settings(OUTLETS_FILE=file, FETCH_ALLOW_PRIVATE=server.place)
        parts = open_parts(service_with(sessions, settings, Hands(NOW)))
        pipeline.STEPS["gather"](parts)
        assert listed(sessions) == {"lantern"}
        file.write_text(block(server, "lantern") + block(server, "harbor"))
        pipeline.STEPS["gather"](parts)
        assert listed(sessions) == {"lantern", "harbor"}
        file.write_text('[[outlet]]\nname = "harbor"\nlean = "up"\n')
        done = pipeline.STEPS["gather"](parts)
        assert "outlets.toml, line 1" in done["catalogue_refused"]
        assert listed(sessions) == {"lantern", "harbor"}


def test_a_broken_file_is_refused_before_anything_is_stored(
    sessions: db.Sessions, make_settings: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "outlets.toml"
    file.write_text("[[outlet]\n")
    service = service_with(sessions, make_settings(OUTLETS_FILE=file), Hands(NOW))
    with pytest.raises(CatalogueError, match="line 1"):
        open_parts(service)
    with pytest.raises(CatalogueError, match="line 1"):
        pipeline.STEPS["gather"](pipeline.Parts(service))
