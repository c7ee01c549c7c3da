"""``gunicorn wsgi:app``: the site as configured by the environment."""

from newsletter import log, settings
from newsletter.app import create_app
from newsletter.web.http.page_cache import PageCache

log.configure()
app = create_app(settings.load(), page_cache=PageCache())
