"""The pictures of the README and of docs/ are made by ``make pictures``, each of them, out of the sample edition."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests import pictures

ROOT = Path(__file__).parent.parent


def test_every_picture_shown_is_one_that_is_made() -> None:
    shown = set(re.findall(r"\(docs/([\w-]+\.png)\)", (ROOT / "README.md").read_text()))
    for page in (ROOT / "docs").glob("*.md"):
        shown |= set(re.findall(r"\(([\w-]+\.png)\)", page.read_text()))
    made = {shot.name for shot in pictures.SHOTS}
    assert shown == made == {file.name for file in (ROOT / "docs").glob("*.png")}


@pytest.mark.browser
@pytest.mark.slow
def test_they_are_made_anew(tmp_path: Path) -> None:
    # In a process of its own, as make does it: the tests' own browser may be open in this one.
    subprocess.run([sys.executable, "-m", "tests.pictures", str(tmp_path)], cwd=ROOT, check=True)
    for shot in pictures.SHOTS:
        picture = Image.open(tmp_path / shot.name)
        assert picture.width == shot.width
        assert 600 < picture.height <= shot.longest
        assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 50  # something stands in it
    light, dark = (Image.open(tmp_path / name).convert("L") for name in ("email.png", "email-dark.png"))
    assert light.getpixel((320, 150)) > 200 > 60 > dark.getpixel((320, 150))
