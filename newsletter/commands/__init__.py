"""The commands of ``python -m newsletter``, one file per group; ``cli.py`` lists them."""
