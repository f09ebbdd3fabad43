"""What must hold of every page of the window; each check returns its faults in words."""

from collections.abc import Iterator

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QScrollBar,
    QTextEdit,
    QWidget,
)

MARK = "<b>not bold</b>"  # stands in prompts and answers; wherever it is shown it must be escaped or plain


def describe(widget):
    name = widget.objectName() or widget.accessibleName() or getattr(widget, "text", str)() or ""
    parents = []
    parent = widget.parentWidget()
    while parent is not None and len(parents) < 3:
        parents.append(type(parent).__name__)
        parent = parent.parentWidget()
    return f"{type(widget).__name__} {str(name)[:40]!r} in {'/'.join(reversed(parents))}"


def shown(page, kind=QWidget) -> Iterator[QWidget]:
    """The visible widgets of a page that are ours, not the insides of Qt's own."""
    for widget in page.findChildren(kind):
        if widget.isVisibleTo(page.window()) and not is_inner(widget):
            yield widget


def is_inner(widget):
    parent = widget.parentWidget()
    return (
        widget.objectName().startswith("qt_")
        or isinstance(widget, QScrollBar)
        or isinstance(parent, (QComboBox, QAbstractSpinBox))
        or (isinstance(parent, QAbstractItemView) and type(widget).__name__ in {"QTableCornerButton", "QHeaderView"})
    )


def is_scrolled(widget, page):
    """Whether it lies in an area that scrolls, where it may be larger than what is seen."""
    parent = widget.parentWidget()
    while parent is not None and parent is not page:
        if isinstance(parent, QAbstractScrollArea):
            return True
        parent = parent.parentWidget()
    return False


def is_reachable(widget):
    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.isEnabled() and widget.focusProxy() is None


def blank(image: QImage, least=24):
    """A picture with few colours shows nothing; letters alone have more because their edges are smooth."""
    small = image.scaled(512, 350)
    colours = {small.pixel(x, y) for x in range(0, small.width(), 2) for y in range(0, small.height(), 2)}
    return [] if len(colours) >= least else [f"only {len(colours)} colours: the picture is blank"]


def too_large(page, width, height):
    faults = []
    hint = page.minimumSizeHint()
    if hint.width() > width or hint.height() > height:
        faults.append(f"{describe(page)} needs {hint.width()} x {hint.height()}, there are {width} x {height}")
    for widget in shown(page):
        corner = widget.mapTo(page, QPoint(0, 0))
        is_outside = corner.x() < 0 or corner.x() + widget.width() > page.width()
        if is_outside and not is_scrolled(widget, page) and not widget.isWindow():
            faults.append(f"{describe(widget)} goes from {corner.x()} to {corner.x() + widget.width()}")
    return faults


def nameless(page):
    """Controls that a screen reader could not name, and buttons without a tooltip."""
    faults = []
    for widget in shown(page):
        if is_reachable(widget) and not name_of(widget):
            faults.append(f"{describe(widget)} has no accessible name")
        if isinstance(widget, QAbstractButton) and not widget.toolTip():
            faults.append(f"{describe(widget)} has no tooltip")
    return faults


def name_of(widget):
    interface = QAccessible.queryAccessibleInterface(widget)
    return widget.accessibleName() or (interface.text(QAccessible.Text.Name) if interface else "")


def unreachable(page):
    """Controls that the Tab key does not come to, and views that keep it."""
    traps = [
        f"{describe(widget)} keeps the Tab key"
        for widget in shown(page)
        if is_reachable(widget)
        and (
            (
                isinstance(widget, (QPlainTextEdit, QTextEdit))
                and not widget.tabChangesFocus()
                and not widget.isReadOnly()
            )
            or (isinstance(widget, QAbstractItemView) and widget.tabKeyNavigation())
        )
    ]
    wanted = [widget for widget in shown(page) if is_reachable(widget) and not in_group(widget)]
    visited = set(walk(page))
    return traps + [f"the Tab key does not reach {describe(w)}" for w in wanted if not visited & {w, *inner_focus(w)}]


def in_group(widget):
    """Of buttons that exclude each other Tab reaches one; arrow keys reach the others."""
    if isinstance(widget, QRadioButton):
        return True
    return isinstance(widget, QAbstractButton) and (widget.autoExclusive() or widget.group() is not None)


def inner_focus(widget):
    return {child for child in widget.findChildren(QWidget) if is_inner(child)}


def walk(page):
    """The widgets that Tab visits, from the page's first until it comes back."""
    window = page.window()
    window.activateWindow()
    QApplication.processEvents()  # nothing has the focus before the window is active
    reachable = [widget for widget in shown(page) if is_reachable(widget)]
    if not reachable:
        return []
    reachable[0].setFocus()
    visited = []
    for _ in range(300):
        widget = QApplication.focusWidget()
        if widget is None or widget in visited:
            break
        visited.append(widget)
        QWidget.focusNextChild(window)
    return visited


def cut_off(page):
    """Labels and buttons that have less room than their words need."""
    faults = []
    for label in shown(page, QLabel):
        if not label.text() or not label.pixmap().isNull():
            continue
        if label.wordWrap():
            needed = label.heightForWidth(label.width())
            if label.height() + 1 < needed:
                faults.append(f"{describe(label)} is {label.height()} high and needs {needed}")
            continue
        hint = label.sizeHint()
        if label.width() + 1 < hint.width() or label.height() + 1 < hint.height():
            faults.append(f"{describe(label)} is {label.size().toTuple()} and needs {hint.toTuple()}")
    return faults + [
        f"{describe(button)} is {button.width()} wide, needs {button.minimumSizeHint().width()}"
        for button in shown(page, QPushButton)
        if button.width() + 1 < button.minimumSizeHint().width()
    ]


def taken_for_html(page):
    """Texts of people or models that Qt would take for HTML."""
    faults = []
    for label in shown(page, QLabel):
        is_rich = label.textFormat() not in {Qt.TextFormat.PlainText, Qt.TextFormat.MarkdownText}
        if is_rich and ("<" in label.text() or "&" in label.text()):
            faults.append(f"{describe(label)} may show its text as HTML")
    return faults + [
        f"the tooltip of {describe(widget)} is not escaped" for widget in shown(page) if MARK in widget.toolTip()
    ]


def faults_of(page, width, height):
    """All that is wrong with one page at its present size."""
    return [
        *too_large(page, width, height),
        *nameless(page),
        *cut_off(page),
        *taken_for_html(page),
        *unreachable(page),
    ]
