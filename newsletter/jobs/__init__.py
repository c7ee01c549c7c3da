"""When: the Steps of the day, what is due, the tick, the workers, the alerts."""

__all__ = ["alerts", "dispatch_wait", "due", "pipeline", "schedule", "tick", "today", "worker"]
