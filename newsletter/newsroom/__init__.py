"""Makes the Issue: from feeds to Stories told from several Sides. See README.md in this folder."""
