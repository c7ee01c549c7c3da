"""Both sides of the news, every morning, in five minutes.

The data flow: ``feeds`` → Articles → ``stories`` → ``summaries`` → one Issue a day (``issues``) → a Delivery for each
Subscriber (``delivery``, ``subscribers``, ``billing``). ``web`` and ``desk`` speak HTTP; ``jobs`` decides when each Step runs.
"""

from typing import Final

__version__: Final = "0.1.0"  # pyproject.toml reads it here; CHANGELOG.md says what changed
