"""bench group measures what it says: made-up happenings, found again. Its times are not judged here."""

from __future__ import annotations

import json

import pytest

from newsletter.lab.bench.group import made_up


@pytest.mark.slow
def test_made_up_articles_are_grouped_each_size_in_a_process_of_its_own(bench) -> None:
    done = bench("group", "--articles", "400", "--articles", "800", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["values"]) == {"400_articles", "800_articles", "cpu_seconds_of_the_first"}
    assert float(found["values"]["800_articles"].rsplit(" ", 1)[1]) > 0.9
    assert found["yardsticks"]["tfidf_vectorizer_seconds"] > 0
    assert found["ratios"]["per_article_most_to_first"] > 0


def test_made_up_articles_are_the_same_again_and_keep_the_rhythm_of_a_week() -> None:
    first, happenings = made_up(3_000)
    assert (first, happenings) == made_up(3_000)
    assert 200 < len(set(happenings)) < 1_500
    dates = [p.date for p in first]
    assert 1.2 < (max(dates) - min(dates)).total_seconds() / 86_400 < 1.7  # type: ignore[type-var, operator]
