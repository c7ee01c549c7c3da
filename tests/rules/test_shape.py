"""The shape of the project: one-way imports, pure modules, one place for time and settings, functions of a readable size."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "newsletter"
FILES = sorted(PACKAGE.rglob("*.py"))
PACKAGES = (
    "feeds",
    "stories",
    "summaries",
    "issues",
    "delivery",
    "subscribers",
    "billing",
    "web",
    "desk",
    "jobs",
    "db",
    "cli",
    "lab",
)
# A module that says "Pure" in its docstring takes values and returns values (STYLE rule 1): no session, network or environment.
PURE = [p for p in FILES if re.search(r"\bPure\b", ast.get_docstring(ast.parse(p.read_text())) or "")]
IMPURE = {
    "sqlalchemy", "requests", "flask", "os", "socket", "subprocess", "urllib.request", "http.client",
    "newsletter.db", "newsletter.settings.load",
}  # fmt: skip

LONGEST_FUNCTION = 60  # lines
MOST_PARAMETERS = 8
MOST_MODULES = 20  # in a folder, without its __init__.py


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return found


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_who_clicks_waits_for_the_whole_page() -> None:
    hasty = re.compile(r'(page|one|phone)\.click\(|get_by_role\("(button|link)".*\.click\(')
    bad = [
        f"{p.relative_to(ROOT)}: {line.strip()}"
        for p in (ROOT / "tests").rglob("*.py")
        for line in p.read_text().splitlines()
        if hasty.search(line) and p.name != Path(__file__).name
    ]
    assert not bad, f"what is read next may be half a page; use follow() of tests/browsing.py: {bad}"


@pytest.mark.parametrize("path", PURE, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_that_says_it_is_pure_is_pure(path: Path) -> None:
    bad = {i for i in _imports(path) if any(i == x or i.startswith(f"{x}.") for x in IMPURE)}
    assert not bad, f"{path.relative_to(PACKAGE)} says that it is pure, but imports {bad}"


def test_the_modules_that_decide_say_that_they_are_pure() -> None:
    said = {str(p.relative_to(PACKAGE)) for p in PURE}
    decide = {
        "stories/clustering.py",
        "issues/ranking.py",
        "subscribers/access.py",
        "jobs/due.py",
        "billing/revenue.py",
    }
    assert decide <= said


def test_flask_is_spoken_only_in_web_and_app() -> None:
    bad = [
        str(p.relative_to(ROOT))
        for p in FILES
        if any(i.split(".")[0].startswith(("flask", "werkzeug")) for i in _imports(p))
        and not str(p.relative_to(PACKAGE)).startswith(("web/", "desk/", "app.py", "cli/serve.py"))
    ]
    assert not bad


@pytest.mark.parametrize(
    "package", ["delivery/providers", "summaries/model", "summaries/extractive", "billing/processors"]
)
def test_providers_summarizers_and_processors_see_no_tables_session_or_settings(package: str) -> None:
    for path in (PACKAGE / package).rglob("*.py"):
        if path.name in ("__init__.py", "registration.py"):  # they read Settings and hand on plain values
            continue
        bad = {
            i for i in _imports(path) if i.startswith(("sqlalchemy", "newsletter.db", "newsletter.settings"))
        }
        assert not bad, f"{path.name}: {bad}"


def test_now_has_one_home() -> None:
    pattern = re.compile(r"datetime\.now\(|datetime\.utcnow\(|date\.today\(|time\.time\(")
    bad = [str(p.relative_to(ROOT)) for p in FILES if p.name != "clock.py" and pattern.search(p.read_text())]
    assert not bad


def test_the_environment_has_one_home() -> None:
    bad = [
        str(p.relative_to(ROOT))
        for p in FILES
        if p.name != "settings.py" and re.search(r"os\.environ|os\.getenv", p.read_text())
    ]
    assert not bad


def test_nothing_is_swallowed() -> None:
    bad = [
        f"{p.relative_to(ROOT)}:{node.lineno}"
        for p in FILES
        for node in ast.walk(ast.parse(p.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))
        )
        and all(isinstance(s, ast.Pass) for s in node.body)
    ]
    assert not bad


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_says_what_it_does(package: str) -> None:
    text = (PACKAGE / package / "README.md").read_text()
    assert "import" in text
    for name in re.findall(r"`([a-z_]+\.py)`", text):
        assert list((PACKAGE / package).rglob(name)), f"{package}/README.md names {name}, which is not there"


def test_a_folder_of_more_than_20_modules_says_why() -> None:
    folders = {p.parent for p in FILES}
    large = [d for d in folders if len([p for p in d.glob("*.py") if p.name != "__init__.py"]) > MOST_MODULES]
    assert large, "no folder is large any more: this test and MOST_MODULES can go"
    silent = [
        str(d.relative_to(PACKAGE))
        for d in large
        if "more than 20" not in (PACKAGE / d.relative_to(PACKAGE).parts[0] / "README.md").read_text()
    ]
    assert not silent, f"over {MOST_MODULES} modules, and the package's README does not say why: {silent}"


def test_every_module_has_a_docstring() -> None:
    assert not [str(p.relative_to(ROOT)) for p in FILES if not ast.get_docstring(ast.parse(p.read_text()))]


def test_functions_can_be_read_at_a_glance() -> None:
    bad = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            args = node.args
            parameters = len(args.args) + len(args.kwonlyargs) + len(args.posonlyargs)
            if lines > LONGEST_FUNCTION or parameters > MOST_PARAMETERS:
                bad.append(
                    f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines, {parameters} parameters"
                )
    assert not bad, f"over {LONGEST_FUNCTION} lines or {MOST_PARAMETERS} parameters: {bad}"
