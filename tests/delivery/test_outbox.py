"""The Outbox writes one complete file for each reference, and reports a full or unusable folder in plain words."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from newsletter import clock
from newsletter.delivery.mail.messages import Message, Template
from newsletter.delivery.providers import make
from newsletter.delivery.providers.outbox import send
from newsletter.delivery.providers.outbox.send import Outbox, list_outbox, read_outbox
from newsletter.delivery.providers.protocol import Outcome
from newsletter.errors import NotFound
from tests.delivery.mailing import HTML, MORNING, TEXT, slots_for


def _message(number: int, *, subject: str = "Bridge reopens", to: str = "ann@example.com") -> Message:
    return Message(
        f"delivery:{number}", to, Template(subject, HTML, TEXT, "h"), slots_for(number, to), {"X-N": "1"}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def box(folder: Path) -> Outbox:
    return Outbox(folder, sender="Evenhand <morning@example.com>", now=clock.fixed(MORNING))


def test_one_file_for_each_reference(box: Outbox, folder: Path) -> None:
    receipts = box.submit([_message(1), _message(2), _message(1, subject="Bridge reopens, corrected")])
    assert [r.outcome for r in receipts] == [Outcome.ACCEPTED] * 3
    assert sorted(p.name for p in folder.iterdir()) == ["delivery-1.eml", "delivery-2.eml"]
    assert read_outbox(folder, "delivery-1.eml").subject == "Bridge reopens, corrected"


def test_what_is_kept_can_be_read(box: Outbox, folder: Path) -> None:
    box.submit([_message(1, subject="Brücke öffnet — “at last”")])
    mail = read_outbox(folder, "delivery-1.eml")
    assert mail.subject == "Brücke öffnet — “at last”"
    assert mail.to == "ann@example.com"
    assert ("X-N", "1") in mail.headers
    assert dict(mail.headers)["Date"] == "Mon, 02 Mar 2026 10:00:00 +0000"
    assert "token-of-1" in mail.html
    assert "Good morning." in mail.text
    assert mail.raw.startswith(b"From:")


def test_the_newest_come_first(box: Outbox, folder: Path) -> None:
    box.submit([_message(n) for n in range(1, 6)])
    for n in range(1, 6):
        os.utime(folder / f"delivery-{n}.eml", (1000 + n, 1000 + n))
    (folder / ".half.part").write_text("x")
    (folder / "notes.txt").write_text("x")
    listed = list_outbox(folder, 3)
    assert [e.name for e in listed] == ["delivery-5.eml", "delivery-4.eml", "delivery-3.eml"]
    assert (listed[0].to, listed[0].subject) == ("ann@example.com", "Bridge reopens")
    assert listed[0].size > 100


def test_no_folder_is_an_empty_outbox(folder: Path) -> None:
    assert list_outbox(folder) == []


@pytest.mark.parametrize(
    "name",
    [
        "../secret.eml",
        "/etc/passwd",
        "..",
        "",
        "delivery-9.eml",
        "a/b.eml",
        ".eml",
        "x.txt",
        "a\x00.eml",
        "link.eml",
    ],
)
def test_only_mails_of_this_folder_can_be_read(box: Outbox, folder: Path, name: str) -> None:
    box.submit([_message(1)])
    (folder.parent / "secret.eml").write_text("Subject: secret\n\nsecret")
    (folder / "link.eml").symlink_to(folder.parent / "secret.eml")
    with pytest.raises(NotFound):
        read_outbox(folder, name)


def test_a_bad_address_is_a_failure_of_its_own(box: Outbox) -> None:
    receipts = box.submit([_message(1), _message(2, to="no address\nBcc: x@example.com"), _message(3)])
    assert [r.outcome for r in receipts] == [Outcome.ACCEPTED, Outcome.FAILED, Outcome.ACCEPTED]
    assert "example.com" not in receipts[1].reason


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "may not be written"),
        (errno.EACCES, "may not be written"),
        (errno.EIO, "cannot be used"),
    ],
)
def test_a_folder_that_takes_nothing_is_a_definite_no(
    box: Outbox, folder: Path, monkeypatch, number: int, words: str
) -> None:
    box.submit([_message(1)])

    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(send.os, "replace", full)
    receipt = box.submit([_message(2)])[0]
    assert receipt.outcome is Outcome.RETRY
    assert words in receipt.reason
    assert [p.name for p in folder.iterdir()] == ["delivery-1.eml"]  # nothing half-written is left


def test_a_file_in_the_folders_place_is_a_definite_no(box: Outbox, folder: Path) -> None:
    folder.write_text("not a folder")
    assert box.submit([_message(1)])[0].outcome is Outcome.RETRY


def test_it_is_the_default(settings) -> None:
    provider = make(settings, now=clock.fixed(MORNING))
    assert provider.name == "outbox"
    provider.close()
    provider.close()
