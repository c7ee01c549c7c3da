"""The front page answers."""

from __future__ import annotations

from flask.testing import FlaskClient


def test_the_front_page_answers(browser: FlaskClient) -> None:
    answer = browser.get("/")
    assert answer.status_code == 200
    assert "Read both sides in 5 minutes each day" in answer.text
