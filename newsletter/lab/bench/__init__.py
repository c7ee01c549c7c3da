"""Benches: what a claim of speed rests on. Each prints what was measured beside yardsticks of the same run, as ratios."""
