"""The Qt binding that the package asks for must not be one that crashes Python 3.11 (PySide6 6.12.0 does)."""

import sys

import pytest


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_the_binding_does_not_eat_none():
    core = pytest.importorskip(
        "PySide6.QtCore", reason="a system library that Qt wants is missing", exc_type=ImportError
    )
    thing = core.QObject()
    before = sys.getrefcount(None)
    for _ in range(500):
        thing.setObjectName("x")  # returns nothing: 6.12.0 loses one reference of None each time
    assert sys.getrefcount(None) > before - 250
