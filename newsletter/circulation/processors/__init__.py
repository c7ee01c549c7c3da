"""Payment processors: one file each, values in and values out."""
