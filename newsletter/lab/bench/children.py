"""Processes that a bench begins for itself: Ctrl-C ends them without a word, and the bench alone says that it was stopped."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from threading import current_thread, main_thread

_CTRL_C = {signal.SIGINT}


@contextmanager
def beginning() -> Iterator[None]:
    """What is begun in here hears Ctrl-C from :func:`begun` on: until then Python would answer it with a stack trace.

    We ourselves hear it at the end: half of what a child is told would make one as well.
    """
    resource_tracker.ensure_running()  # else it is started with the first process, and lets the signal through again
    heard: list[int] = []
    # No other may say what becomes of a signal, or is interrupted by it.
    ours = current_thread() is main_thread()
    usual = signal.signal(signal.SIGINT, lambda number, _: heard.append(number)) if ours else None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _CTRL_C)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if ours:
            signal.signal(signal.SIGINT, usual or signal.SIG_DFL)
    if heard:
        raise KeyboardInterrupt


def begun() -> None:
    """The first words of such a process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _CTRL_C)
