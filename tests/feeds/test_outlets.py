"""The Catalogue is balanced and gives its reasons; a broken one is refused with file, line and reason."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import CatalogueError
from newsletter.feeds.catalogue import load_catalogue, parse_catalogue
from newsletter.feeds.leans import Lean, Side
from newsletter.settings import Settings
from newsletter.stories.countries import CODES

ONE = """# a catalogue
[[outlet]]
name = "Lantern"
homepage = "https://lantern.example/"
lean = "left"
feeds = ["https://lantern.example/rss"]
"""


@pytest.fixture
def ours(settings: Settings) -> Path:
    return settings.OUTLETS_FILE


def test_our_catalogue_is_balanced(ours: Path) -> None:
    balance = load_catalogue(ours).balance()
    assert balance[Side.LEFT] == balance[Side.RIGHT]
    assert balance[Side.CENTER] >= 10
    assert 55 <= sum(balance.values()) <= 70


def test_our_catalogue_gives_a_reason_of_its_own_for_nearly_every_lean(ours: Path) -> None:
    """A handful of outlets are alike enough to share a sentence; more would be a rubber stamp."""
    reasons = [o.lean_basis for o in load_catalogue(ours).outlets]
    assert all(len(r) > 30 for r in reasons)
    assert len(set(reasons)) >= 0.9 * len(reasons)


def test_our_catalogue_says_which_leans_are_disputed_on_every_side(ours: Path) -> None:
    assert {o.side for o in load_catalogue(ours).outlets if o.disputed} == set(Side)


def test_what_a_block_leaves_out_has_a_default() -> None:
    (outlet,) = parse_catalogue(ONE, "c.toml").outlets
    assert (outlet.lean, outlet.enabled, outlet.disputed, outlet.policy, outlet.line) == (
        Lean.LEFT, True, False, "", 2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('lean = "left"', 'lean = "leftish"', 5, "unknown lean 'leftish'"),
        ('lean = "left"', "lean = 3", 5, "must be text"),
        ('lean = "left"\n', "", 2, "has no lean"),
        ('name = "Lantern"', 'name = " "', 3, "has no name"),
        ('name = "Lantern"', 'name = "a\\nb"', 3, "one line"),
        ('name = "Lantern"', f'name = "{"x" * 81}"', 3, "80 characters"),
        ('homepage = "https:', 'homepage = "gopher:', 4, "neither http nor https"),
        ('["https://lantern.example/rss"]', "[]", 6, "has no feeds"),
        ('["https://lantern.example/rss"]', "[7]", 6, "list of addresses"),
        ('["https://lantern.example/rss"]', '"https://lantern.example/rss"', 6, "list of addresses"),
        ('["https://lantern.example/rss"]', '["javascript:alert(1)"]', 6, "neither http nor https"),
        ('["https://lantern.example/rss"]', '["http://ann:pw@lantern.example/"]', 6, "password"),
        ('["https://lantern.example/rss"]', '["https://l.example/a", "https://l.example/a#x"]', 6, "twice"),
        ('lean = "left"', 'lean = "left"\nlaen_basis = "x"', 6, "unknown key 'laen_basis'"),
        ('lean = "left"', 'lean = "left"\npolicy = "scrape"', 6, "unknown policy"),
        ("# a catalogue", "colour = 3", 1, "unknown 'colour'"),
        ('name = "Lantern"', "name = Lantern", 3, "not TOML"),
        (ONE, "", 1, "no [[outlet]] block"),
        (ONE, "outlet = 3", 1, "no [[outlet]] block"),
        (ONE, ONE + ONE.replace("/rss", "/rss2").replace("Lantern", "LANTERN"), 9, "listed twice, first in line 2"),
    ],
)  # fmt: skip
def test_a_broken_catalogue_is_refused_with_line_and_reason(old: str, new: str, line: int, said: str) -> None:
    assert old in ONE
    with pytest.raises(CatalogueError) as refused:
        parse_catalogue(ONE.replace(old, new), "c.toml")
    assert str(refused.value).startswith(f"c.toml, line {line}: ")
    assert said in str(refused.value)
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"\n\n# \xff", "line 3: this is not UTF-8"),
        (b"\xef\xbb\xbf", "no [[outlet]]"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "c.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CatalogueError) as refused:
        load_catalogue(file)
    assert str(file) in str(refused.value)
    assert said in str(refused.value)


def test_windows_files_are_read() -> None:
    assert parse_catalogue(ONE.replace("\n", "\r\n"), "c.toml").outlets[0].name == "Lantern"


_values = st.recursive(
    st.text(max_size=20).map(lambda t: "'''" + t.replace("'", "") + "'''")
    | st.integers().map(str)
    | st.just("true"),
    lambda inner: st.lists(inner, max_size=3).map(lambda v: "[" + ", ".join(v) + "]"),
    max_leaves=4,
)
_keys = st.sampled_from(
    ["name", "homepage", "lean", "lean_basis", "feeds", "enabled", "disputed", "policy", "x"]
)


@given(st.text(max_size=200) | st.dictionaries(_keys, _values).map(
    lambda d: "[[outlet]]\n" + "\n".join(f"{k} = {v}" for k, v in d.items())
))  # fmt: skip
def test_no_text_gives_anything_but_a_catalogue_or_a_refusal(text: str) -> None:
    for whole in (text, ONE + text):
        with contextlib.suppress(CatalogueError):
            parse_catalogue(whole, "c.toml")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('country = "us"', "two-letter country codes"),
        ('country = "USA"', "two-letter country codes"),
        ('lean_countries = ["US", 3]', "two-letter country codes"),
        ('lean_countries = "US"', "a list of country codes"),
        ("state_run = true", "has no state_run_basis"),
        ('state_run = "yes"', "must be true or false"),
        ("owner = 3", "must be text"),
    ],
)
def test_facts_about_an_outlet_are_checked(more: str, said: str) -> None:
    with pytest.raises(CatalogueError, match=said):
        parse_catalogue(f"{ONE}{more}\n", "c.toml")


def test_facts_about_an_outlet_are_read() -> None:
    facts = 'country = "KE"\nlean_countries = ["US"]\nowner = "Orla Trust"\nstate_run = true\nstate_run_basis = "A law."\n'
    (outlet,) = parse_catalogue(ONE + facts, "c.toml").outlets
    assert (outlet.country, outlet.lean_countries, outlet.owner) == ("KE", ("US",), "Orla Trust")
    assert (outlet.state_run, outlet.state_run_basis) == (True, "A law.")


def test_our_catalogue_names_a_known_country_and_an_owner_for_every_outlet(ours: Path) -> None:
    outlets = load_catalogue(ours).outlets
    assert [o.name for o in outlets if o.country not in CODES or not o.owner] == []
    assert {c for o in outlets for c in o.lean_countries} <= CODES
