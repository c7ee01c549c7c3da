"""What people read agrees with the code: README, settings help, requirements, section templates."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from pydantic import SecretStr

from newsletter.cli.main import COMMANDS, cli
from newsletter.issues.sections import EMAIL, METERED, SECTIONS, STORY, Section
from newsletter.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCS = README + "".join(p.read_text() for p in sorted((ROOT / "docs").glob("*.md")))
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "newsletter").rglob("*.md")),
]
PAGES += [ROOT / "tests" / name for name in ("README.md", "prove/README.md", "security/README.md")]
MODULES = {p.name for place in ("newsletter", "tests", "migrations") for p in (ROOT / place).rglob("*.py")}
LONGEST_README = 9_000  # bytes


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_has_help_and_stands_in_the_docs(name: str) -> None:
    assert Settings.model_fields[name].description
    assert f"`{name}`" in DOCS


@pytest.mark.parametrize(
    "requirement", re.findall(r"^([a-z][\w-]+)", (ROOT / "requirements.txt").read_text(), re.M)
)
def test_every_requirement_is_pinned_and_justified(requirement: str) -> None:
    line = next(
        x for x in (ROOT / "requirements.txt").read_text().splitlines() if re.match(rf"{requirement}[\[=]", x)
    )
    assert "==" in line
    assert f"`{requirement}`" in DOCS


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_stands_in_the_docs(command: str) -> None:
    assert f"`{command}" in DOCS


def test_the_docs_name_every_subcommand_and_no_other() -> None:
    named: dict[str, set[str]] = {}
    for group, words in re.findall(
        r"`([a-z]+) ([a-z][a-z|\\-]*)", (ROOT / "docs" / "settings.md").read_text()
    ):
        named.setdefault(group, set()).update(words.replace("\\", "").split("|"))
    for name in COMMANDS:
        group = cli.get_command(click.Context(cli), name)
        if isinstance(group, click.Group):
            assert named[name] == set(group.commands), name


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - {"SECRET_KEY", "OUTLETS_FILE"}))
def test_a_setting_s_default_in_the_docs_is_its_default(name: str) -> None:
    row = re.search(rf"^\| `{name}` \| (\S.*?) \|", (ROOT / "docs" / "settings.md").read_text(), re.M)
    assert row
    default = Settings.model_fields[name].default
    assert row[1] == ("–" if default in (None, "", SecretStr("")) else f"`{default}`")


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_every_section_has_a_template_wherever_it_is_shown(section: Section) -> None:
    wanted = [f"web/sections/{section.name}.html"] if STORY in section.where else []
    if EMAIL in section.where or METERED in section.where:
        wanted += [f"email/sections/{section.name}.mjml", f"email/sections/{section.name}.txt"]
    for path in wanted:
        assert (ROOT / "templates" / path).is_file(), f"the section {section.name} lacks templates/{path}"


def test_the_readme_is_read_in_a_minute() -> None:
    assert len(README.encode()) < LONGEST_README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_and_names_is_there(page: Path) -> None:
    text = page.read_text()
    for path in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / path).exists(), f"the link to {path} leads nowhere"
    for path in re.findall(r"`((?:tests|newsletter|templates|docs|migrations)/[\w/.-]+)`", text):
        assert (ROOT / path).exists(), f"{path} is not there"
    for name in re.findall(r"`(?:[\w/]*/)?([a-z]\w*\.py)(?:::\w+)?`", text):
        assert name in MODULES, f"there is no {name}"


def test_no_text_of_the_shared_data_was_copied() -> None:
    """Every 12-word run of the project's sample is our own: none stands in the shared news week."""
    week = ROOT.parent / "shared" / "data" / "newsweek" / "feeds"
    if not week.is_dir():
        pytest.skip("shared/data is not beside this checkout")
    theirs: set[tuple[str, ...]] = set()
    for feed in week.glob("*.xml"):
        words = re.findall(r"[a-z0-9]+", feed.read_text(errors="replace").lower())
        theirs.update(zip(*(words[i:] for i in range(12)), strict=False))
    boilerplate = 0
    for path in [*ROOT.glob("newsletter/feeds/sample/*"), *ROOT.glob("tests/**/*.py")]:
        if not path.is_file():
            continue
        words = re.findall(r"[a-z0-9]+", path.read_text(errors="replace").lower())
        shared = [run for run in zip(*(words[i:] for i in range(12)), strict=False) if run in theirs]
        boilerplate += len(shared)
        assert not shared, f"{path.name} shares a run of words with shared/data: {' '.join(shared[0])}"
