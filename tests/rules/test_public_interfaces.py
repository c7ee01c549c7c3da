"""Each package has a public interface: the names in ``__all__`` of its ``__init__.py``. Others import those and nothing else.

A name may be a module: then all that does not begin with an underscore in it is public.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "newsletter"


@cache
def _public(package: str) -> frozenset[str]:
    """The names in ``__all__`` of ``newsletter.<package>``."""
    tree = ast.parse((PACKAGE / package.replace(".", "/") / "__init__.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets
        ):
            return frozenset(ast.literal_eval(node.value))
    return frozenset()


def _is_package(dotted: str) -> bool:
    return (PACKAGE / dotted.replace(".", "/") / "__init__.py").is_file()


def _is_module(dotted: str) -> bool:
    path = PACKAGE / dotted.replace(".", "/")
    return path.with_suffix(".py").is_file() or path.is_dir()


@cache
def _crossings() -> list[tuple[str, str]]:
    """Every import from one package of ours into another: the importing file, and what it names below ``newsletter``."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        own = path.relative_to(PACKAGE).parts[0]
        where = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{a.name}" for a in node.names]
            for name in names:
                parts = name.split(".")
                if parts[0] == "newsletter" and len(parts) > 2 and parts[1] != own and _is_package(parts[1]):
                    found.append((where, ".".join(parts[1:])))
    return found


def _bypasses(name: str) -> bool:
    """Whether ``name`` is not reached through the public names of each package on its way."""
    parts = name.split(".")
    for depth in range(1, len(parts)):
        package = ".".join(parts[:depth])
        if not _is_package(package):
            return parts[depth].startswith("_")
        if parts[depth] not in _public(package):
            return True
    return False


def test_packages_are_entered_only_through_their_public_interface() -> None:
    assert len(_crossings()) > 500
    bad = sorted({f"{where}: {name}" for where, name in _crossings() if _bypasses(name)})
    assert not bad, f"not in __all__ of the package it is imported from: {bad}"


def test_every_public_module_is_used_by_another_package() -> None:
    """What nobody else imports is no interface."""
    used = {name for _, name in _crossings()}
    parents = {
        ".".join(name.split(".")[:depth]) for name in used for depth in range(2, len(name.split(".")) + 1)
    }
    top = sorted(p.name for p in PACKAGE.iterdir() if (p / "__init__.py").is_file())
    unused = [
        f"{package}.{name}"
        for package in top
        for name in _public(package)
        if (_is_module(f"{package}.{name}") and f"{package}.{name}" not in parents)
    ]
    assert not unused, f"in __all__, and used by no other package: {unused}"
