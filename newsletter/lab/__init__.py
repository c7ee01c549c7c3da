"""Measuring equipment: benches, evaluations and simulations. Imported by nothing that serves readers."""
