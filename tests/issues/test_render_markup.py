"""MJML is refused when it is not sound: the library itself would drop what it does not know, in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from newsletter.delivery.mail.markup import MarkupError, compile_mjml, mistakes, tighten
from newsletter.delivery.mail.plain_text import wrap
from newsletter.delivery.mail.templates import TEMPLATES


def mjml(inside: str) -> str:
    return f"<mjml><mj-body><mj-section><mj-column>{inside}</mj-column></mj-section></mj-body></mjml>"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("<mj-txt>x</mj-txt>", "mj-txt"),
        ("<mj-text colour='#fff'>x</mj-text>", "colour"),
        ("<mj-text>x</mj-section>", "closes nothing"),
        ("<mj-text><p>x</mj-text>", "closes nothing"),
        ("<mj-button href='a&quot;><b>'>x</mj-button>", "markup in its attribute href"),
    ],
)
def test_what_the_library_would_drop_is_refused(wrong: str, said: str) -> None:
    with pytest.raises(MarkupError, match=said):
        compile_mjml(mjml(wrong))


def test_an_unclosed_tag_is_named() -> None:
    assert mistakes("<mjml><mj-body>") == ["<mjml> is never closed", "<mj-body> is never closed"]


def test_sound_markup_compiles_to_layout_tables() -> None:
    html = compile_mjml(
        mjml("<mj-text>One &amp; two <b>three</b> four</mj-text><mj-table><tr><td>x</td></tr></mj-table>")
    )
    assert "One &amp; two <b>three</b> four" in html
    assert html.count("<table") == html.count('role="presentation"')


def test_tightening_changes_no_words() -> None:
    words = "half kept; the right {calls} it: a bill , sent"
    page = f'<table style="a: b; c : d;"> <tr> <td>\n  {words}  <b>x</b> <i>y</i> </td> </tr> </table>'
    tight = tighten(page)
    assert f"{words} <b>x</b> <i>y</i>" in tight
    assert '<table role="presentation" style="a:b;c' in tight
    assert "> <t" not in tight


def test_no_template_puts_a_reader_or_a_feed_into_an_attribute_of_mjml() -> None:
    allowed = re.compile(r"^(links\.\w+\(.*\)|url or links\.desk\(\)|ink|rule|paper|desk|soft|sans|serif)$")
    for path in Path(TEMPLATES).rglob("*.mjml"):
        for tag in re.findall(r"<mj-[^>]*>", path.read_text()):
            for value in re.findall(r"\{\{\s*(.*?)\s*\}\}", tag):
                assert allowed.match(value), f"{path.name}: {tag}"


def test_no_template_switches_escaping_off() -> None:
    for path in Path(TEMPLATES).rglob("*"):
        if path.is_file():
            assert not re.search(r"\|\s*safe\b|autoescape|Markup", path.read_text()), path


def test_text_is_wrapped_under_its_mark() -> None:
    words = "word " * 30
    lines = wrap(f"* {words}\n| {words}\n[12] {words}\n{words}").splitlines()
    assert max(map(len, lines)) <= 72
    assert [line[:5] for line in lines if line.startswith("|")] == ["| wor"] * 3
    assert lines[1].startswith("  word")
    assert any(line.startswith("     word") for line in lines)


def test_addresses_are_not_broken_and_empty_lines_not_piled_up() -> None:
    address = "https://a.example/" + "x-y-" * 40
    assert wrap(f"\n\n\n{address}\n\n\n\nend \n") == f"{address}\n\nend\n"
