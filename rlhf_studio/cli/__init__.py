"""The command line: the same runs without a window. One module per command, and the only room that prints."""

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; ``entry.main`` says which."""
    from rlhf_studio.cli import entry

    return entry.main(argv)
