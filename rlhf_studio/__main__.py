"""``python -m rlhf_studio``."""

import sys

from rlhf_studio.cli import main

if __name__ == "__main__":
    sys.exit(main())
