"""Addresses for programs: health, metrics, OpenAPI, webhooks, crawlers."""
