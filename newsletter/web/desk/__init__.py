"""The pages operators use."""
