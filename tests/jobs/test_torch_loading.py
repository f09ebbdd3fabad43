import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from rlhf_studio.jobs import torch_loading

# runs in an interpreter of its own: this one has torch already
_ON_A_THREAD = """
import gc, sys, threading
from rlhf_studio.jobs import torch_loading

opened, real = [], torch_loading._dlopen

def dlopen():
    function = real()
    return lambda path, mode: opened.append("torch" in sys.modules) or function(path, mode)

torch_loading._dlopen = dlopen
assert "torch" not in sys.modules and not torch_loading.is_loaded()
collected = []
gc.callbacks.append(lambda phase, info: collected.append(info["generation"]))
thread = threading.Thread(target=torch_loading.load_torch)
thread.start()
thread.join()
assert torch_loading.is_loaded() and "transformers" in sys.modules
assert gc.isenabled() and gc.get_freeze_count() > 100_000 and len(gc.get_objects()) < 20_000
assert 2 not in collected, "a full collection holds the window"
assert opened == [False] * len(list(torch_loading._library_paths())), opened
import torch
assert float(torch.ones(3).sum()) == 3.0
"""


def test_torch_works_when_its_libraries_were_opened_first():
    subprocess.run([sys.executable, "-c", _ON_A_THREAD], check=True, timeout=120)


@pytest.mark.parametrize("is_missing", [True, False])
def test_libraries_that_cannot_be_opened_are_left_to_the_import(is_missing, caplog, monkeypatch):
    def paths():
        if is_missing:
            return iter([Path("/nowhere/libtorch.so")])
        raise OSError("no such place")

    monkeypatch.setattr(torch_loading, "_library_paths", paths)
    with caplog.at_level(logging.INFO, logger="rlhf_studio"):
        torch_loading._open_libraries()
    assert "could not be opened" in caplog.text


def test_a_loader_without_dlopen_is_no_reason_to_fail(monkeypatch):
    def none(_name):
        raise AttributeError("dlopen")

    monkeypatch.setattr(torch_loading.ctypes, "CDLL", none)
    torch_loading._open_libraries()


@pytest.mark.parametrize(("platform", "ending"), [("linux", ".so"), ("darwin", ".dylib"), ("win32", None)])
def test_the_libraries_are_those_of_the_system(monkeypatch, platform, ending, tmp_path):
    (tmp_path / "lib").mkdir()
    for name in torch_loading._LIBRARIES:
        for suffix in (".so", ".dylib"):
            (tmp_path / "lib" / f"lib{name}{suffix}").touch()
    (tmp_path / "lib" / f"libtorch{ending}").unlink(missing_ok=True)  # one may be missing

    class Spec:
        origin = str(tmp_path / "__init__.py")

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(torch_loading.importlib.util, "find_spec", lambda _name: Spec)
    names = [path.name for path in torch_loading._library_paths()]
    assert names == ([f"lib{name}{ending}" for name in ("c10", "torch_cpu", "torch_python")] if ending else [])


def test_each_thread_says_how_many_it_computes_with(monkeypatch):
    counts = []
    monkeypatch.setattr(torch_loading.os, "cpu_count", lambda: 4)

    def count(threads):
        torch_loading.load_torch(threads)
        counts.append(torch.get_num_threads())

    for threads in (0, 2):
        thread = threading.Thread(target=count, args=(threads,))
        thread.start()
        thread.join()
    assert counts == [3, 2]
