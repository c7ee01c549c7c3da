"""Child processes of a bench: Ctrl-C ends them silently, so that only the bench reports that it was stopped."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from threading import current_thread, main_thread

_CTRL_C = {signal.SIGINT}


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Block SIGINT while child processes are started, because Python would print a stack trace until :func:`accept_interrupts` runs in them.

    This process handles a SIGINT at the end of the block: a child that got half of its arguments would print a stack trace as well.
    """
    resource_tracker.ensure_running()  # otherwise it is started with the first process, and unblocks the signal
    received: list[int] = []
    # Only the main thread may set a signal's handler, and only it is interrupted.
    is_main = current_thread() is main_thread()
    usual = signal.signal(signal.SIGINT, lambda number, _: received.append(number)) if is_main else None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _CTRL_C)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if is_main:
            signal.signal(signal.SIGINT, usual or signal.SIG_DFL)
    if received:
        raise KeyboardInterrupt


def accept_interrupts() -> None:
    """Set up SIGINT in a child process; its first statement."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _CTRL_C)
