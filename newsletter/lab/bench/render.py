"""bench render: the sample Issue rendered once, then filled for N readers, beside a bare MJML compile and bare replacing."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

from sqlalchemy import select

from newsletter import db
from newsletter.db.models import Issue
from newsletter.delivery.mail import headers, slots
from newsletter.delivery.mail.markup import compile_mjml
from newsletter.delivery.mail.messages import Message, Template
from newsletter.feeds import sample
from newsletter.issues import views
from newsletter.issues.render import render
from newsletter.issues.renditions import KINDS
from newsletter.jobs import pipeline
from newsletter.jobs.pipeline import Parts
from newsletter.lab.bench.databases import bench_database
from newsletter.lab.bench.dispatch import settings_for
from newsletter.lab.bench.dispatch_process import service_for
from newsletter.lab.bench.measuring import Measured, Progress, timed
from newsletter.lab.bench.readers import COMPOSED

READERS = 10_000
_FIRST_STEPS = ("gather", "group", "summarize", "compose")
_BARE = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section></mj-body></mjml>"
)


def bench_render(*, readers: int = READERS, progress: Progress) -> Measured:
    """Render both Renditions, then fill the Slots of the full one for so many readers and build their MIME."""
    found = Measured("render")
    with (
        tempfile.TemporaryDirectory(prefix="newsletter-bench-") as name,
        bench_database("sqlite", Path(name)) as engine,
    ):
        values = settings_for(engine.url.render_as_string(hide_password=False), Path(name))
        service = replace(service_for(values, COMPOSED), sessions=db.make_sessions(engine))
        parts = Parts(service, sample.catalogue(), sample.fetcher(COMPOSED), is_sample=True)
        for done, step in enumerate(_FIRST_STEPS):
            progress("the issue", done, len(_FIRST_STEPS), step)
            pipeline.run_step(parts, step, due_at=COMPOSED)
        with db.reading(service.sessions) as session:
            view = views.issue_view(session, session.scalars(select(Issue)).one(), now=COMPOSED)
        render.rendition(
            view, "full", settings=service.settings, links=service.links
        )  # templates are read once
        with timed() as compiling:
            made = [
                render.rendition(view, kind, settings=service.settings, links=service.links) for kind in KINDS
            ]
        full = made[0]
        with timed() as bare_compile:
            compile_mjml(_BARE.format("word " * (len(full.text) // 5)))
        template = Template(full.subject, full.html, full.text, full.content_hash)
        links = [
            service.reader_slots(date(2025, 8, 25), n, f"reader.{n}@example.com") for n in range(readers)
        ]
        progress("filling", 0, 2, "slots")
        with timed() as filling:
            for own in links:
                slots.fill(full.html, own, html=True)
                slots.fill(full.text, own, html=False)
        with timed() as replacing:
            for own in links:
                for text in (full.html, full.text):
                    filled = text
                    for slot, value in own.items():
                        filled = filled.replace(f"%%{slot}%%", value)
        progress("filling", 1, 2, "MIME")
        some = links[: max(1, readers // 10)]
        with timed() as building:
            for n, own in enumerate(some):
                copy = Message(f"delivery:{n}", f"reader.{n}@example.com", template, own)
                headers.mime(copy, sender=service.settings.MAIL_FROM, date=COMPOSED)
    found.values |= {"renditions": len(made), "render_seconds": round(compiling.seconds, 3)}
    found.values |= {"html_bytes": len(full.html.encode()), "readers": readers}
    found.values |= {"fill_seconds": round(filling.seconds, 3), "mimes": len(some)}
    found.values["mime_seconds"] = round(building.seconds, 3)
    found.yardsticks["bare_mjml_seconds"] = round(bare_compile.seconds, 3)
    found.yardsticks["bare_replace_seconds"] = round(replacing.seconds, 3)
    found.ratios["render_to_bare_mjml"] = round(compiling.seconds / max(bare_compile.seconds, 0.001), 2)
    found.ratios["fill_to_bare_replace"] = round(filling.seconds / max(replacing.seconds, 0.0001), 2)
    return found
