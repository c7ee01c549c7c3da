"""``feeds check|import|export`` as an operator types them, against a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from newsletter.cli.main import cli
from newsletter.errors import CatalogueError, NothingToRead, Refused
from newsletter.feeds.catalogue import load_catalogue
from newsletter.settings import Settings
from tests.servers.feed_server import FeedServer, entry, rss
from tests.shell import Shell

NOW = "2026-03-02T10:00Z"


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _set(monkeypatch: pytest.MonkeyPatch, server: FeedServer, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FETCH_ALLOW_PRIVATE", server.place)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/none.db")
    monkeypatch.chdir(tmp_path)


def feeds(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["feeds", *map(str, words)])


def catalogue(path: Path, *addresses: str) -> Path:
    path.write_text(
        "\n".join(
            f'[[outlet]]\nname = "Outlet {n}"\nhomepage = "https://o{n}.example/"\nlean = "center"\n'
            f'lean_basis = "We say so."\nfeeds = ["{address}"]\n'
            for n, address in enumerate(addresses)
        )
    )
    return path


def test_check_says_of_every_feed_what_it_gives(server: FeedServer, tmp_path: Path) -> None:
    fresh = server.says("/fresh", rss(entry(1, date="Sun, 01 Mar 2026 08:00:00 GMT"), entry(2)))
    old = server.says("/old", rss(entry(3, date="Mon, 05 Jan 2026 08:00:00 GMT")))
    gone = server.says("/gone", status=410)
    page = server.says("/page", "<!doctype html><html><body>Hello</body></html>", kind="text/html")
    file = catalogue(tmp_path / "c.toml", fresh, old, gone, page)
    done = feeds("check", "--outlets", file, "--now", NOW, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["counts"] == {"read": 2, "refused": 2}
    assert said["balance"]["center"] == 4
    first, second, third, fourth = said["feeds"]
    assert (first["entries"], first["dated"], first["remarks"]) == (2, 1, [])
    assert "56 days" in second["remarks"][0]
    assert "410" in third["reason"]
    assert "web page" in fourth["reason"]
    in_words = feeds("check", "--outlets", file, "--now", NOW)
    assert "read 2, unchanged 0, refused 2" in in_words.stdout
    assert "410" in in_words.stdout
    assert not (tmp_path / "none.db").exists(), "check needs no database and makes none"


def test_check_asks_for_the_whole_feed_every_time(server: FeedServer, tmp_path: Path) -> None:
    address = server.says("/f", rss(entry(1)), headers={"ETag": '"a"'})
    file = catalogue(tmp_path / "c.toml", address)
    for _ in range(2):
        assert feeds("check", "--outlets", file, "--now", NOW).exit_code == 0
    assert server.count("/f") == 2
    assert all("if-none-match" not in a.headers for a in server.asked)


def test_check_refuses_when_no_feed_answers(server: FeedServer, tmp_path: Path) -> None:
    file = catalogue(tmp_path / "c.toml", server.url("/nothing"), server.says("/empty", rss()))
    done = feeds("check", "--outlets", file, "--now", NOW, "--json")
    assert isinstance(done.exception, NothingToRead)
    assert json.loads(done.stdout)["counts"] == {"read": 1, "refused": 1}


def test_export_and_import_are_a_way_round(server: FeedServer, tmp_path: Path) -> None:
    file = catalogue(tmp_path / "c.toml", "https://a.example/f?x=1&y=2", "https://b.example/f")
    (tmp_path / "c.opml").write_text(feeds("export", "--outlets", file).stdout)
    done = feeds("import", tmp_path / "c.opml", "--out", tmp_path / "back.toml")
    assert done.exit_code == 0, done.output
    assert [(o.name, o.feeds, o.enabled) for o in load_catalogue(tmp_path / "back.toml").outlets] == [
        ("Outlet 0", ("https://a.example/f?x=1&y=2",), True),
        ("Outlet 1", ("https://b.example/f",), True),
    ]


def test_import_prints_toml_alone_and_says_the_rest_beside_it(tmp_path: Path) -> None:
    (tmp_path / "x.opml").write_text(
        '<opml><body>\n<outline text="A" xmlUrl="https://a.example/"/>\n<outline text="B" xmlUrl="ftp://b"/></body></opml>'
    )
    done = feeds("import", tmp_path / "x.opml")
    assert done.exit_code == 0
    (tmp_path / "x.toml").write_text(done.stdout)
    assert [o.name for o in load_catalogue(tmp_path / "x.toml").outlets] == ["A"]
    assert "x.opml, line 3: left out: " in done.stderr


def test_import_never_writes_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.opml").write_text(
        '<opml><body><outline text="A" xmlUrl="https://a.example/"/></body></opml>'
    )
    (tmp_path / "kept.toml").write_text("kept")
    done = feeds("import", tmp_path / "x.opml", "--out", tmp_path / "kept.toml")
    assert isinstance(done.exception, Refused)
    assert (tmp_path / "kept.toml").read_text() == "kept"


@pytest.mark.parametrize("text", [None, "", "<opml><body/></opml>", "<!DOCTYPE opml><opml/>"])
def test_import_refuses_what_holds_no_feed(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "x.opml").write_text(text)
    done = feeds("import", tmp_path / "x.opml")
    assert isinstance(done.exception, CatalogueError)
    assert "x.opml" in str(done.exception)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('[[outlet]]\nname = "A"\nlean = "up"\nhomepage = "https://a.example/"\nfeeds = ["https://a.example/f"]\n',
         3, ["c.toml, line 3", "'up'"]),
        ("[[outlet]\n", 3, ["c.toml, line 1"]),
        ('[[outlet]]\nname = "A"\nlean = "left"\nhomepage = "https://a.example/"\nfeeds = ["http://127.0.0.1:9/f"]\n',
         5, ["None of the catalogue's feeds could be read"]),
    ],
)  # fmt: skip
def test_a_shell_sees_one_sentence_and_the_exit_code(
    shell: Shell, tmp_path: Path, text: str, code: int, words: list[str]
) -> None:
    (tmp_path / "c.toml").write_text(text)
    asked = ("feeds", "check", "--outlets", "c.toml", "--json")
    done = shell(*asked, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr.strip().splitlines()[-1]
