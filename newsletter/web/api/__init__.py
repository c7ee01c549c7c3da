"""Addresses for programs: health, metrics, OpenAPI, webhooks, robots.txt and the sitemap."""
