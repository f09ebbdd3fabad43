"""Loads torch on a worker thread without holding up the window."""


def load_torch(threads: int = 0) -> None:
    """Import torch and the language models' room; call it on each thread that computes, before its first work.

    Args:
        threads: To compute with on this thread; 0 leaves one core to the window.
    """
    raise NotImplementedError


def is_loaded() -> bool:
    """Whether torch is there, whole."""
    raise NotImplementedError
