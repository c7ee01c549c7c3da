"""Knows who reads and who pays. See README.md in this folder."""
