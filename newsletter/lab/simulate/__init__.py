"""Days or months of operation at full speed: the real Steps and the real site with simulated readers, under a manual clock.

``newsstand`` shows feeds as they stood at a moment, ``mailboxes`` takes the mail and reports on it, ``readers`` use the site's
pages through ``browser``, ``run`` moves the clock, ``oracle`` says what each reader should have got, ``balance`` compares.
"""
