"""Pictures drawn here, and the files that pages load."""
