"""Each requirement is imported by what it serves, and every library that is credited is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAB = ROOT / "newsletter" / "lab"
# What is used without an import: the file that uses it, and the words there that do.
LOADED_BY_NAME = {
    "gunicorn": ("newsletter/cli/serve.py", '"gunicorn"'),
    "psycopg": ("newsletter/db/engine.py", "postgresql+psycopg"),
    "tzdata": ("newsletter/clock.py", "from zoneinfo import"),  # zoneinfo's data where the machine has none
    "pytest-xdist": ("Makefile", "pytest -n"),
    "pytest-timeout": ("pyproject.toml", "timeout = "),
    "ruff": ("Makefile", "bin/ruff"),
    "mypy": ("Makefile", "bin/mypy"),
    "import-linter": ("Makefile", "bin/lint-imports"),
    "bandit": ("Makefile", "bin/bandit"),
    "types-requests": ("newsletter/delivery/providers/sendgrid/api.py", "import requests"),  # types for mypy
}


OPTIONAL = {
    "playwright"
}  # issues/preview.py takes pictures where it is installed, and says so where it is not


def required(name: str) -> list[str]:
    """The distributions that a requirements file names itself, in lower case."""
    return [n.lower() for n in re.findall(r"^([A-Za-z][\w.-]*)", (ROOT / name).read_text(), re.M)]


@cache
def imported(files: tuple[Path, ...]) -> frozenset[str]:
    """The distributions whose modules these files import."""
    modules: set[str] = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {a.name.split(".")[0] for a in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.split(".")[0])
    found = packages_distributions()
    return frozenset(d.lower().replace("_", "-") for m in modules for d in found.get(m, ()))


def python_files(*folders: str, without: Path | None = None) -> tuple[Path, ...]:
    files: Iterable[Path] = (p for folder in folders for p in sorted((ROOT / folder).rglob("*.py")))
    return tuple(p for p in files if without is None or without not in p.parents)


SERVED = {
    "requirements.txt": (*python_files("newsletter", "migrations", without=LAB), ROOT / "wsgi.py"),
    "requirements-lab.txt": python_files("newsletter/lab"),
    "requirements-dev.txt": python_files("tests"),
}


@pytest.mark.parametrize("name", SERVED)
def test_each_requirement_is_imported_by_what_it_serves(name: str) -> None:
    used = imported(SERVED[name])
    unused = [r for r in required(name) if r not in used and not _is_loaded_by_name(r)]
    assert not unused, f"{name} names what nothing it serves imports: {unused}"


def _is_loaded_by_name(requirement: str) -> bool:
    file, words = LOADED_BY_NAME.get(requirement, ("", ""))
    return bool(file) and words in (ROOT / file).read_text()


@pytest.mark.parametrize("name", SERVED)
def test_what_is_imported_is_pinned_by_what_installs_it(name: str) -> None:
    """A library that only happens to be installed here is missing on the next machine."""
    lock = (ROOT / name).with_suffix(".lock").read_text()
    pinned = set(re.findall(r"^([a-z0-9][\w.-]*)==", lock, re.M))
    assert not imported(SERVED[name]) - pinned - OPTIONAL


def test_production_imports_nothing_that_only_the_lab_installs() -> None:
    only_lab = set(required("requirements-lab.txt")) - set(required("requirements.txt"))
    assert "scikit-learn" in only_lab
    assert not only_lab & imported(SERVED["requirements.txt"])


def test_only_the_command_line_names_the_lab_and_imports_it_when_asked() -> None:
    bad = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SERVED["requirements.txt"]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom) and "newsletter.lab" in ast.unparse(node)
    ]
    assert not bad, f"the lab is loaded by name in cli/main.py and by nothing else: {bad}"


def test_every_library_that_is_credited_is_required() -> None:
    """The rows of the tables of libraries, in the README and docs: a credit is a claim."""
    known = {r for name in SERVED for r in required(name)}
    credited: set[str] = set()
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for table in re.findall(r"^\| library \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", page.read_text(), re.M):
            for row in table.splitlines():
                credited |= set(re.findall(r"`([\w.-]+)`", row.split("|")[1]))
    assert len(credited) > 20
    assert not credited - known, f"credited, and not required: {sorted(credited - known)}"
