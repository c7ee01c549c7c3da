"""Runs the Steps of the day when they are due: schedule, tick, workers, alerts."""

__all__ = ["alerts", "dispatch_wait", "due", "pipeline", "schedule", "tick", "today", "worker"]
