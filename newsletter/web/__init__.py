"""Speaks HTTP. See README.md in this folder."""
