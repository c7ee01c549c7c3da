"""Both sides of the news, every morning, in five minutes.

The data's way: feeds → Articles → Stories → cited Tellings → one Issue a day → a Delivery for each Subscriber.
``newsroom`` makes the Issue, ``circulation`` knows who reads and who pays, ``mailroom`` gets copies out,
``web`` speaks HTTP; ``pipeline`` is the day in order and ``schedule`` knows when.
"""
