"""Gets copies out. See README.md in this folder."""
