"""Writes files atomically: under another name, then renamed. A reader sees the old file or the new one, and never half of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


@contextmanager
def written(path: Path, mode: str = "w", *, half: str = ".half", lasting: bool = True) -> Iterator[IO[Any]]:
    """Give a file to write into, which becomes ``path`` at the end of the block; after an error nothing of it stays. Only its owner may
    read it.

    While it is written its name is "." … ``half``. With ``lasting`` it is then on the disk and survives a power cut. A missing folder
    is made. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(prefix=".", suffix=half, dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(handle, mode) as file:
            yield file
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    if lasting:
        _sync(path.parent)


def _sync(folder: Path) -> None:
    """Write a folder to the disk, without which a new file's name may be lost in a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
