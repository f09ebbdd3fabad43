"""Icons from one well-kept set (Material Design Icons through qtawesome), loaded when the first is drawn."""

from PySide6.QtGui import QIcon


def icon(name: str, colour: str) -> QIcon:
    """An icon such as ``mdi6.pencil-outline`` in one colour.

    Args:
        name: Of qtawesome's sets.
        colour: ``#rrggbb``.
    """
    import qtawesome  # noqa: PLC0415  only when a window is built, never by those who just import a tab

    found: QIcon = qtawesome.icon(name, color=colour)
    return found
