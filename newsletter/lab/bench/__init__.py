"""Benches of speed. Each prints its measurements beside yardsticks of the same run, as ratios."""
