"""Measures the service: benches, evaluations and simulations. Nothing that serves readers imports this package."""
