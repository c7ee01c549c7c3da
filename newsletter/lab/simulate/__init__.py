"""Many days at full speed: the real Steps, the real site and made-up readers with a life, under a clock that is moved by hand.

``newsstand`` shows feeds as they stood at a moment, ``mailboxes`` takes the mail and reports on it, ``lives`` are the readers (they use
the site's own pages through ``browser``), ``play`` turns the hours, ``books`` says at the end whether everything balances.
"""
