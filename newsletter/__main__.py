"""``python -m newsletter``."""

import sys

if __name__ == "__main__":
    try:
        from newsletter.cli.main import (
            main,
        )  # what it needs takes a moment to import, and Ctrl-C may come in that
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)  # noqa: T201 - nothing better is there yet
        sys.exit(130)
    main()
