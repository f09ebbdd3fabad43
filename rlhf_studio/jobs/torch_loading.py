"""Loads torch on a worker thread without holding up the window.

Importing an extension holds the interpreter's lock while the system's loader reads and links hundreds of megabytes.
The same libraries opened through ctypes link without it; the import finds them in memory then.
"""

import ctypes
import gc
import importlib
import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# torch's libraries, each after those it needs
_LIBRARIES = ("c10", "torch_cpu", "torch", "torch_python")
# what models need beside torch itself; transformers takes longest of these
_MODULES = ("torch", "rlhf_studio.lm.loading", "rlhf_studio.lm.heads", "rlhf_studio.lm.generate")

_LOADING = threading.Lock()
_LOADED = threading.Event()
_LOG = logging.getLogger("rlhf_studio")


def load_torch(threads: int = 0) -> None:
    """Import torch and what models need; call it on each thread that computes, before its first work.

    Args:
        threads: To compute with on this thread; 0 leaves one core to the window.
    """
    with _LOADING:
        if not _LOADED.is_set():
            if "torch" not in sys.modules:
                _open_libraries()
            with _no_collections():
                for name in _MODULES:
                    importlib.import_module(name)
            _LOADED.set()
    import torch  # noqa: PLC0415  the point of this module

    torch.set_num_threads(threads or max(1, (os.cpu_count() or 2) - 1))


def is_loaded() -> bool:
    """Whether torch is there, whole; safe to ask from any thread."""
    return _LOADED.is_set()


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep what is made meanwhile out of garbage collections, now and later.

    These are some 400,000 objects that live as long as the program; each full collection would look at all of them
    and hold the window for 200 ms.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def _open_libraries() -> None:
    """Link torch's libraries with the interpreter's lock released; whatever fails here, the import does or explains."""
    try:
        paths = list(_library_paths())
        if not paths:  # as on Windows, which has no dlopen either
            return
        opened = _dlopen()
        for path in paths:
            if not opened(str(path).encode(), _mode()):
                _LOG.info("torch's library %s could not be opened ahead of its import", path)
                return
    except (OSError, AttributeError, ImportError, ValueError) as error:
        _LOG.info("torch's libraries could not be opened ahead of its import: %s", error)


def _dlopen() -> Callable[[bytes, int], int | None]:
    # ctypes.CDLL(path) would call dlopen with the lock held, a foreign function is called without it
    function = ctypes.CDLL(None).dlopen
    function.argtypes = (ctypes.c_char_p, ctypes.c_int)
    function.restype = ctypes.c_void_p
    return function


def _mode() -> int:
    # as the import does it: no symbol of theirs may meet those of other libraries
    return os.RTLD_NOW | os.RTLD_LOCAL


def _library_paths() -> Iterator[Path]:
    """Those that are there; none on Windows, whose loader works otherwise."""
    ending = {"linux": "so", "darwin": "dylib"}.get(sys.platform)
    spec = importlib.util.find_spec("torch")
    if ending is None or spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent / "lib"
    for name in _LIBRARIES:
        path = folder / f"lib{name}.{ending}"
        if path.is_file():
            yield path
