"""What is installed is what was pinned, byte for byte: the locks hold every requirement, and every package its hashes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[a-z,-]+\])?==(\S+)", re.MULTILINE)

LOCKS = ("requirements.lock", "requirements-lab.lock", "requirements-dev.lock")


def pins(name: str) -> dict[str, str]:
    return dict(PINNED.findall((ROOT / name).read_text()))


@pytest.mark.parametrize(
    ("wanted", "lock"),
    [
        ("requirements.txt", "requirements.lock"),
        ("requirements.txt", "requirements-dev.lock"),
        ("requirements-lab.txt", "requirements-lab.lock"),
        ("requirements-lab.txt", "requirements-dev.lock"),
        ("requirements-dev.txt", "requirements-dev.lock"),
        ("requirements-model.txt", "requirements-model.lock"),
    ],
)
def test_the_lock_holds_every_requirement_at_its_version(wanted: str, lock: str) -> None:
    locked = pins(lock)
    missing = {n: v for n, v in pins(wanted).items() if locked.get(n) != v}
    assert not missing, f"{lock} is behind {wanted}: run make lock"


@pytest.mark.parametrize(
    ("lock", "fewest"), [*((lock, 81) for lock in LOCKS), ("requirements-model.lock", 2)]
)
def test_every_package_carries_the_hashes_of_its_files(lock: str, fewest: int) -> None:
    blocks = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
    assert len(blocks) >= fewest
    assert [b.split()[0] for b in blocks if "--hash=sha256:" not in b] == []


def test_every_way_to_install_asks_for_the_hashes() -> None:
    installs = re.findall(r"pip install .*-r (\S+)", (ROOT / "Makefile").read_text())
    asked = re.findall(r"pip install .*--require-hashes -r (\S+)", (ROOT / "Makefile").read_text())
    assert installs == asked == ["requirements-model.lock", "requirements.lock", "requirements-dev.lock"]


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_what_serves_readers_is_pinned_the_same_for_the_tests(lock: str) -> None:
    tested = pins(lock)
    assert {n: v for n, v in pins("requirements.lock").items() if tested.get(n) != v} == {}
