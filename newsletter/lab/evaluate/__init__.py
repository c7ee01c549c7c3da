"""Measures the quality of grouping and of text on labelled rows."""
