"""Both sides of the news, every morning, in five minutes.

The data flow: ``feeds`` → Articles → ``stories`` → ``summaries`` → one Issue a day (``issues``) → a Delivery for each
Subscriber (``delivery``, ``subscribers``, ``billing``). ``web`` and ``desk`` speak HTTP; ``jobs`` decides when each Step runs.
"""
