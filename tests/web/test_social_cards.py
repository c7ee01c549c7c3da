"""The pictures beside links to us: made by us, of what everybody may see, and whole whatever the headline."""

from __future__ import annotations

import io
import re

import pytest
from flask.testing import FlaskClient
from PIL import Image

from newsletter.db.models import Issue
from newsletter.settings import Settings
from newsletter.web.social_card_drawing import SIZE, draw_card


def test_each_public_page_names_a_picture_of_ours(
    browser: FlaskClient, settings: Settings, published: Issue
) -> None:
    story = re.search(r'href="(/stories/[^"#]+)"', browser.get("/").text)
    assert story
    drawn = set()
    for path in ("/", f"/issues/{published.issued_on}", story[1]):
        named = re.findall(r'<meta property="og:image" content="([^"]+)">', browser.get(path).text)
        assert len(named) == 1
        assert named[0].startswith(settings.SITE_URL)
        answer = browser.get(named[0].removeprefix(settings.SITE_URL))
        assert (answer.status_code, answer.content_type) == (200, "image/png")
        assert "public" in answer.headers["Cache-Control"]
        assert browser.get(named[0], headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
        assert Image.open(io.BytesIO(answer.data)).size == SIZE
        assert len(answer.data) < 60_000
        drawn.add(answer.data)
    assert len(drawn) == 3


@pytest.mark.parametrize(
    "path",
    [
        "/stories/none/picture.png",
        "/stories/a%00b/picture.png",
        "/issues/2020-01-01/picture.png",
        "/issues/x/picture.png",
    ],
)
def test_no_picture_of_what_is_not_there(browser: FlaskClient, path: str) -> None:
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    ("headline", "counts"),
    [("", ()), ("W" * 400, (0, 0, 0)), ("a word " * 90, (900, 0, 1)), ("日本 😀 عربى\u202e\x07", (0, 1, 0))],
)
def test_odd_headlines_are_drawn(headline: str, counts: tuple[int, ...]) -> None:
    assert Image.open(io.BytesIO(draw_card("Evenhand", headline, counts, "11 outlets"))).size == SIZE
