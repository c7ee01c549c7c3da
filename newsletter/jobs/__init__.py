"""When: the Steps of the day, what is due, the tick, the workers, the alerts."""

__all__ = ["alerts", "due", "pipeline", "schedule", "tick", "worker"]
