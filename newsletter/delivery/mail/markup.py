"""Compiles MJML to the HTML that we mail. Pure.

The MJML library accepts everything and silently drops unknown tags and attributes, so they are refused here. Its components also put attribute values into the HTML unescaped: text of a feed may be only in the
content of ``mj-text`` and ``mj-table``, never in an attribute of an ``mj-`` tag.
"""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser

from newsletter.errors import NewsletterError

_HEAD_TAGS = {
    "mjml": {"lang", "dir"},
    "mj-head": set(),
    "mj-attributes": set(),
    "mj-all": None,  # takes any attribute
    "mj-class": None,
    "mj-preview": set(),
    "mj-title": set(),
    "mj-style": {"inline"},
    "mj-raw": set(),
    "mj-breakpoint": {"width"},
}
_EVERYWHERE = {"mj-class", "css-class"}
_VOID = {"br", "hr", "img", "meta", "link", "input", "col", "wbr"}
# White space between these is never visible, so it is removed.
_BLOCK = (
    r"table|tbody|tr|td|div|p|h1|h2|h3|ul|li|html|head|body|meta|style|title|noscript|xml|o:\w+|!doctype[^>]*"
)
_SPACE = re.compile(r"[ \t\r\n]+")
_BESIDE_BLOCK = re.compile(rf" ?(</?(?:{_BLOCK})(?: [^>]*)?/?>|<!\[endif\]-->|<!--\[if [^\]]*\]>) ?", re.I)
_STYLES = re.compile(r' style="[^"]*"|<style[^>]*>.*?</style>', re.S)
_AROUND_SIGN = re.compile(r" ?([;{}]|,(?= )|:(?= )) ?")  # ": " but not " :root" or "a:hover"
# MJML repeats these styles in every cell, although they are defaults or inherited from the outer cell.
_SAID_AGAIN = re.compile(r"(?<=[;\"])(?:table-layout:auto|border:none|word-break:break-word)(?:;|(?=\"))")
_LEFT_IN_LEFT = re.compile(r'(<td(?: class="[^"]*")? align="left"[^>]*><div style="[^"]*?)text-align:left;')
_BODY = re.compile(r'(<body[^>]* style=")')
_TABLE = re.compile(r"<table(?![^>]*\brole=)")  # all our tables are for layout


class MarkupError(NewsletterError):
    """A template is not valid MJML. The sentence names the tag or attribute."""


@cache
def _allowed() -> dict[str, set[str] | None]:
    from mjml.core.registry import components, register_core_components  # as below

    register_core_components()
    allowed: dict[str, set[str] | None] = dict(_HEAD_TAGS)
    for name, component in components.items():
        if name not in allowed:
            allowed[name] = {*component.allowed_attrs(), *component.default_attrs(), *_EVERYWHERE}
    return allowed


class _Reader(HTMLParser):
    """Collects the errors in a piece of MJML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look(tag, attrs)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            inside = f" inside <{self.open[-1]}>" if self.open else ""
            self.wrong.append(f"</{tag}> closes nothing{inside} (line {self.getpos()[0]})")
        else:
            self.open.pop()

    def _look(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not tag.startswith("mj"):
            return
        if tag not in _allowed():
            self.wrong.append(f"<{tag}> is no MJML tag (line {self.getpos()[0]})")
            return
        allowed = _allowed()[tag]
        # Inside mj-attributes a component's tag sets its defaults, with the same attributes.
        for name, value in attrs:
            if allowed is not None and name not in allowed:
                self.wrong.append(f"<{tag}> has no attribute {name} (line {self.getpos()[0]})")
            if value is not None and re.search(r'[<>"]', value):
                self.wrong.append(f"<{tag}> has markup in its attribute {name} (line {self.getpos()[0]})")


def mistakes(mjml: str) -> list[str]:
    """Return the errors in ``mjml``, one phrase each; empty when it is valid."""
    reader = _Reader()
    reader.feed(mjml)
    reader.close()
    return reader.wrong + [f"<{tag}> is never closed" for tag in reader.open]


def compile_mjml(mjml: str) -> str:
    """Return the HTML of ``mjml`` without invisible white space. Raises :class:`MarkupError`. Takes 0.1–0.3 s."""
    if wrong := mistakes(mjml):
        raise MarkupError(f"The email template is not sound: {'; '.join(wrong[:3])}.")
    from mjml import mjml_to_html  # slow to import, and needed only to render a mail

    return tighten(str(mjml_to_html(mjml, keep_comments=False).html))


def tighten(html: str) -> str:
    """Return the same page in fewer bytes: without invisible white space and without styles that repeat a default."""
    html = _SPACE.sub(" ", html).replace("<tbody>", "").replace("</tbody>", "")
    html = _BESIDE_BLOCK.sub(r"\1", html)
    html = _STYLES.sub(lambda style: _AROUND_SIGN.sub(r"\1", style.group(0)).replace(';"', '"'), html)
    html = _BODY.sub(r"\1word-break:break-word;", _LEFT_IN_LEFT.sub(r"\1", _SAID_AGAIN.sub("", html)))
    html = html.replace(';"', '"')
    return _TABLE.sub('<table role="presentation"', html).strip()
