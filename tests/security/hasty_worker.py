"""The worker of production with less patience, so that the tests need not wait for it."""

from newsletter.web.http import buffering

buffering.HEAD_SECONDS, buffering.BODY_SECONDS = 1.5, 2.5


class HastyWorker(buffering.BufferingWorker):
    pass
