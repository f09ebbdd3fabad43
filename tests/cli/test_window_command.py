import sys
import types
from pathlib import Path

import pytest

from rlhf_studio.cli import entry, screen, window
from rlhf_studio.cli.screen import PACKAGES, obstacle

SCREEN = {"DISPLAY": ":0"}


class Library:
    """A C library whose functions give a handle, or NULL."""

    def __init__(self, handle):
        self.handle = handle
        self.calls = []

    def __getattr__(self, name):
        def call(argument):
            self.calls.append(name)
            return self.handle

        self.__dict__[name] = call
        return call


def lacking(*missing, handle=1):
    """Opens every library but some, as the system's loader does."""

    def open_library(name):
        lacks = [lib for lib in missing if lib == name or name.endswith(("libqxcb.so", "libqwayland.so"))]
        if lacks:
            raise OSError(f"{lacks[0]}: cannot open shared object file: No such file or directory")
        return Library(handle)

    return open_library


@pytest.fixture(autouse=True)
def on_linux(monkeypatch, tmp_path):
    """A Linux with PySide6 in a folder of the test."""
    monkeypatch.setattr(sys, "platform", "linux")
    plugins = tmp_path / "PySide6" / "Qt" / "plugins" / "platforms"
    plugins.mkdir(parents=True)
    for name in ("xcb", "wayland", "offscreen"):
        (plugins / f"libq{name}.so").touch()
    monkeypatch.setattr(screen, "_qt_folder", lambda: tmp_path / "PySide6")


@pytest.fixture
def opened(monkeypatch):
    """The window is not opened; what it would show is written down."""
    calls = []

    def run(project=None, *, demo_stages=(), demo_settings=None):
        calls.append((project, demo_stages, demo_settings))
        return 7

    monkeypatch.setitem(sys.modules, "rlhf_studio.ui.app", types.SimpleNamespace(run=run))
    monkeypatch.setattr(screen, "obstacle", lambda: "")
    return calls


@pytest.fixture
def demos(monkeypatch):
    calls = []
    monkeypatch.setattr("rlhf_studio.cli.demo.run", lambda args: calls.append(args.window) or 0)
    return calls


def test_without_a_command_the_window_opens(opened):
    assert entry.main([]) == 7
    assert opened == [(None, (), None)]


def test_a_project_is_opened_in_the_window(opened, tmp_path):
    assert entry.main(["window", str(tmp_path)]) == 7
    assert opened == [(tmp_path, (), None)]


def test_without_a_screen_one_line_says_so_and_the_demo_runs(monkeypatch, demos, capsys):
    monkeypatch.setattr(screen, "obstacle", lambda: "There is no screen.")
    assert entry.main([]) == 0
    assert demos == [False]
    assert capsys.readouterr().err == "There is no screen. The demo runs instead.\n"


def test_who_asks_for_the_window_gets_no_demo(monkeypatch, demos, capsys):
    monkeypatch.setattr(screen, "obstacle", lambda: "There is no screen.")
    assert entry.main(["window"]) == 1
    assert demos == []
    assert capsys.readouterr().err == "There is no screen.\n"


def test_a_library_that_is_missing_when_qt_is_imported_is_said_too(monkeypatch, demos, capsys):
    monkeypatch.setattr(screen, "obstacle", lambda: "")
    monkeypatch.setitem(sys.modules, "rlhf_studio.ui.app", None)
    monkeypatch.setattr(window, "_QT", ("rlhf_studio",))
    assert entry.main([]) == 0
    assert "Qt cannot be loaded here" in capsys.readouterr().err
    assert demos == [False]


def test_a_fault_of_ours_is_not_taken_for_a_missing_library(monkeypatch, demos, capsys):
    monkeypatch.setattr(screen, "obstacle", lambda: "")
    monkeypatch.setitem(sys.modules, "rlhf_studio.ui.app", None)
    assert entry.main([]) == 1
    assert demos == []
    assert "should not" in capsys.readouterr().err


def test_the_demo_plays_in_the_window(opened, demo_words, project):
    words = [word for word in demo_words if word != "--base" and not word.endswith("/base")]
    assert entry.main([*words, "--window"]) == 7
    ((folder, stages, settings),) = opened
    assert folder == project
    assert stages == ("sft", "reward", "ppo", "ppo-ptx")
    assert settings["sft"] == {"epochs": 1, "batch_size": 4, "threads": 1}
    assert not list(Path().iterdir()), "the window trains in the project"


def test_the_demo_in_the_window_refuses_what_it_cannot_do(opened, demo_words, capsys):
    assert entry.main([*demo_words, "--window"]) == 3
    assert "--base cannot be combined with --window" in capsys.readouterr().err
    assert opened == []


def test_the_demo_for_the_window_runs_here_without_a_screen(monkeypatch, demo_words, capsys):
    monkeypatch.setattr(screen, "obstacle", lambda: "There is no screen.")
    monkeypatch.setattr("rlhf_studio.cli.demo._run_stages", lambda *_args: 0)
    words = [word for word in demo_words if word != "--base" and not word.endswith("/base")]
    assert entry.main([*words, "--window"]) == 0
    assert "There is no screen. The demo runs here instead." in capsys.readouterr().err


def test_no_screen():
    assert "neither DISPLAY nor WAYLAND_DISPLAY" in obstacle({}, lacking())
    assert obstacle({"QT_QPA_PLATFORM": "offscreen"}, lacking()) == ""


def test_a_screen_that_answers_and_one_that_does_not():
    assert obstacle(SCREEN, lacking()) == ""
    assert "DISPLAY names does not answer" in obstacle(SCREEN, lacking(handle=None))
    assert "WAYLAND_DISPLAY names" in obstacle({"WAYLAND_DISPLAY": "wayland-0"}, lacking(handle=None))


@pytest.mark.parametrize("library", [name for name in PACKAGES if "wayland" not in name])
def test_a_missing_library_is_named_with_its_packages(library):
    debian, fedora = PACKAGES[library]
    said = obstacle(SCREEN, lacking(library))
    assert f"needs {library}," in said
    assert f"apt install {debian}'" in said
    assert f"dnf install {fedora}'" in said
    assert "\n" not in said


def test_all_missing_libraries_are_named_at_once():
    said = obstacle(SCREEN, lacking("libxcb-cursor.so.0", "libEGL.so.1", "libwayland-client.so.0"))
    assert "apt install libxcb-cursor0 libegl1'" in said
    assert "wayland" not in said


def test_a_library_nobody_knows_and_one_that_is_too_old():
    assert "needs libfoo.so.9, which this system lacks." in obstacle(SCREEN, lacking("libfoo.so.9"))

    def too_old(_name):
        raise OSError("/lib/libc.so.6: version `GLIBC_2.34' not found")

    assert "GLIBC_2.34" in obstacle(SCREEN, too_old)


def test_one_of_two_ways_to_a_screen_is_enough():
    def only_x(name):
        if "wayland" in name:
            raise OSError("libwayland-client.so.0: cannot open shared object file: No such file or directory")
        return Library(1)

    both = {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0", "XDG_SESSION_TYPE": "wayland"}
    assert obstacle(both, only_x) == ""


def test_without_qt(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "PySide6", None)
    assert "pip install PySide6-Essentials" in obstacle(SCREEN)


def test_other_systems_are_asked_for_nothing(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert obstacle({}, lacking("libEGL.so.1")) == ""
