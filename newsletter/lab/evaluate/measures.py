"""Measures how well a grouping agrees with a known one. Pure.

B-cubed F1 (Bagga and Baldwin, 1998) asks of every Article how pure and how complete its group is; AMI and ARI correct for
chance (Vinh, Epps and Bailey, 2010; Hubert and Arabie, 1985) and come from scikit-learn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence


def b_cubed(truth: Sequence[Hashable], found: Sequence[Hashable]) -> tuple[float, float, float]:
    """Return precision, recall and F1, each 0…1, of ``found`` against ``truth``; all 1 without Articles."""
    if len(truth) != len(found):
        raise ValueError("truth and found must be about the same Articles")
    if not truth:
        return 1.0, 1.0, 1.0
    both = Counter(zip(truth, found, strict=True))
    of_truth, of_found = Counter(truth), Counter(found)
    precision = sum(n * n / of_found[f] for (_, f), n in both.items()) / len(truth)
    recall = sum(n * n / of_truth[t] for (t, _), n in both.items()) / len(truth)
    return precision, recall, 2 * precision * recall / (precision + recall)


def measures(truth: Sequence[Hashable], found: Sequence[Hashable]) -> dict[str, float]:
    """Return ``b3_f1``, ``ami`` and ``ari``, rounded to four places."""
    # Imported here: it takes a second, and only `evaluate` needs it.
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    numbers = {t: i for i, t in enumerate(dict.fromkeys(truth))}
    others = {f: i for i, f in enumerate(dict.fromkeys(found))}
    known, ours = [numbers[t] for t in truth], [others[f] for f in found]
    return {
        "b3_f1": round(b_cubed(truth, found)[2], 4),
        "ami": round(float(adjusted_mutual_info_score(known, ours)), 4),
        "ari": round(float(adjusted_rand_score(known, ours)), 4),
    }
