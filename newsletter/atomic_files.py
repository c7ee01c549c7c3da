"""Files that bear their name only when they are whole: written beside, then renamed. Whoever reads sees the old one or the new one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


@contextmanager
def written(path: Path, mode: str = "w", *, half: str = ".half", lasting: bool = True) -> Iterator[IO[Any]]:
    """A file to write into, which is ``path`` once the block is left; after any fault nothing of it stays. Its owner alone may read it.

    Half written it is called "." … ``half``. ``lasting``: by then it is on the disk, name and all, and outlives a power cut. The folder
    is made where it is missing. Raises OSError.
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
    """A file's name outlives a power cut only with its folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
