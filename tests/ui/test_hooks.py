"""A hook that raises NotImplementedError is for subclasses: each that nobody builds upon must have one of its own.

Qt's classes cannot be abstract base classes of Python as well, which would say so by themselves.
"""

import importlib
import inspect
import pkgutil

import pytest

from rlhf_studio import ui


def is_hook(member):
    function = getattr(member, "fget", None) or getattr(member, "__func__", None) or member
    return inspect.isfunction(function) and function.__code__.co_names == ("NotImplementedError",)


def classes():
    found = set()
    for module in pkgutil.walk_packages(ui.__path__, f"{ui.__name__}."):
        members = vars(importlib.import_module(module.name)).values()
        found |= {one for one in members if inspect.isclass(one) and one.__module__.startswith(ui.__name__)}
    return found


@pytest.fixture(scope="module")
def leaves():
    """Classes that no other class of the window builds upon."""
    found = classes()
    return {one for one in found if not any(one in other.__mro__[1:] for other in found)}


def hooks_of(found):
    return {name: member for base in found.__mro__ for name, member in vars(base).items() if is_hook(member)}


def test_every_hook_is_filled_in(leaves):
    empty = [
        f"{leaf.__name__}.{name}"
        for leaf in leaves
        for name, hook in hooks_of(leaf).items()
        if inspect.getattr_static(leaf, name) is hook
    ]
    assert not empty


def test_there_are_hooks_to_be_filled_in(leaves):
    names = {name for leaf in leaves for name in hooks_of(leaf)}
    assert {"read_page", "title", "show_found", "make"} <= names
