"""``python -m mem0lite`` is the ``mem0lite`` command."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
