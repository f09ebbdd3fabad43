"""Whether a window can open here, found out without Qt, which would end the program instead of saying no."""

import ctypes
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

# library -> package of Debian and Ubuntu, package of Fedora
PACKAGES: Mapping[str, tuple[str, str]] = {
    "libEGL.so.1": ("libegl1", "libglvnd-egl"),
    "libGL.so.1": ("libgl1", "libglvnd-glx"),
    "libGLX.so.0": ("libglx0", "libglvnd-glx"),
    "libX11.so.6": ("libx11-6", "libX11"),
    "libX11-xcb.so.1": ("libx11-xcb1", "libX11-xcb"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig"),
    "libfreetype.so.6": ("libfreetype6", "freetype"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libgthread-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libwayland-client.so.0": ("libwayland-client0", "libwayland-client"),
    "libwayland-cursor.so.0": ("libwayland-cursor0", "libwayland-cursor"),
    "libxcb.so.1": ("libxcb1", "libxcb"),
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-randr.so.0": ("libxcb-randr0", "libxcb"),
    "libxcb-render.so.0": ("libxcb-render0", "libxcb"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb"),
    "libxcb-shm.so.0": ("libxcb-shm0", "libxcb"),
    "libxcb-sync.so.1": ("libxcb-sync1", "libxcb"),
    "libxcb-util.so.1": ("libxcb-util1", "xcb-util"),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
}
_MISSING = re.compile(r"(\S+\.so[.\d]*): cannot open shared object file")

OpenLibrary = Callable[[str], object]


def obstacle(environ: Mapping[str, str] | None = None, open_library: OpenLibrary = ctypes.CDLL) -> str:
    """One sentence on why no window can open here; empty if one can.

    Args:
        environ: By default that of this process.
        open_library: Raises ``OSError`` for a library that cannot be opened.
    """
    environ = os.environ if environ is None else environ
    qt = _qt_folder()
    if qt is None:
        return "The window needs PySide6, which is not installed: run 'pip install PySide6-Essentials'."
    if not sys.platform.startswith("linux"):
        return ""
    platforms = _platforms(environ)
    if not platforms:
        return "There is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can open."
    reasons = [_reason(name, qt, open_library) for name in platforms]
    return "" if "" in reasons else reasons[0]


def _qt_folder() -> Path | None:
    """Where PySide6 lies; found without importing it."""
    try:
        spec = importlib.util.find_spec("PySide6")
    except ValueError:  # an import of it was forbidden
        return None
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def _platforms(environ: Mapping[str, str]) -> list[str]:
    """Names of Qt's platforms that may show a window, the first choice first."""
    chosen = environ.get("QT_QPA_PLATFORM", "")
    if chosen:
        return [part.split(":")[0] for part in chosen.split(";")]
    there = [
        name for name, variable in (("wayland", "WAYLAND_DISPLAY"), ("xcb", "DISPLAY")) if environ.get(variable, "")
    ]
    return there if environ.get("XDG_SESSION_TYPE") == "wayland" else there[::-1]


def _reason(platform: str, qt: Path, open_library: OpenLibrary) -> str:
    """Why one of Qt's platforms cannot be used; empty if it can."""
    plugin = qt / "Qt" / "plugins" / "platforms" / f"libq{platform}.so"
    if not plugin.is_file():
        return ""  # one of the system's own: Qt may know it
    try:
        open_library(str(plugin))
    except OSError as error:
        return _library_reason(str(error), platform, open_library)
    answers = {"xcb": _x_answers, "wayland": _wayland_answers}.get(platform)
    if answers is not None and not answers(open_library):
        return f"The screen that {'DISPLAY' if platform == 'xcb' else 'WAYLAND_DISPLAY'} names does not answer."
    return ""


def _library_reason(error: str, platform: str, open_library: OpenLibrary) -> str:
    first = _MISSING.search(error)
    if first is None:
        return f"Qt's libraries cannot be loaded here ({error}), so no window can open."
    other = "libwayland" if platform == "xcb" else "libxcb"
    wanted = [name for name in PACKAGES if not name.startswith(other) or name == first[1]]
    missing = dict.fromkeys([first[1], *(name for name in wanted if not _opens(name, open_library))])
    known = [PACKAGES[name] for name in missing if name in PACKAGES]
    libraries = ", ".join(missing)
    if not known:
        return f"The window needs {libraries}, which this system lacks."
    debian, fedora = (" ".join(dict.fromkeys(names)) for names in zip(*known, strict=True))
    return (
        f"The window needs {libraries}, which this system lacks: "
        f"run 'sudo apt install {debian}' (Debian, Ubuntu) or 'sudo dnf install {fedora}' (Fedora)."
    )


def _opens(name: str, open_library: OpenLibrary) -> bool:
    try:
        open_library(name)
    except OSError:
        return False
    return True


def _x_answers(open_library: OpenLibrary) -> bool:
    library = open_library("libX11.so.6")
    return _connects(library, "XOpenDisplay", "XCloseDisplay")


def _wayland_answers(open_library: OpenLibrary) -> bool:
    library = open_library("libwayland-client.so.0")
    return _connects(library, "wl_display_connect", "wl_display_disconnect")


def _connects(library: object, connect: str, close: str) -> bool:
    """Call ``connect(NULL)`` of a C library, which gives a handle or NULL, and close the handle again."""
    opening = getattr(library, connect)
    opening.restype, opening.argtypes = ctypes.c_void_p, (ctypes.c_char_p,)
    handle = opening(None)
    if handle:
        closing = getattr(library, close)
        closing.argtypes = (ctypes.c_void_p,)
        closing(handle)
    return bool(handle)
