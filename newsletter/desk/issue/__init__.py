"""The pages about one Issue."""
