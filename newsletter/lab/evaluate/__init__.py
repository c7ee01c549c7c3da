"""How good grouping and words are, measured on labelled rows."""
