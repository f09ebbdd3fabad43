"""The forms for other kinds of prompts, each in a window of its own beside the main one."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from rlhf_studio.ui.prompts_new.conversation import ConversationForm
from rlhf_studio.ui.prompts_new.few_shot import FewShotForm
from rlhf_studio.ui.prompts_new.form import KindForm
from rlhf_studio.ui.prompts_new.user_based import UserBasedForm
from rlhf_studio.ui.session import Session

FORMS: dict[str, type[KindForm]] = {form.kind: form for form in (FewShotForm, UserBasedForm, ConversationForm)}
_SIZE = (920, 660)


class NewPromptWindow(QWidget):
    """One form; closing it keeps what was typed."""

    added = Signal(object)  # tuple[int, ...]: ids of the prompts

    def __init__(self, session: Session, kind: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Dialog)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.form = FORMS[kind](session)
        self.setObjectName(f"new_{kind}")
        self.setWindowTitle(self.form.title())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        self.resize(*_SIZE)
        self.form.added.connect(self._on_form_added)
        self.form.cancelled.connect(self.close)
        slots = {"Ctrl+Return": self.form.submit, "Ctrl+Enter": self.form.submit, "Esc": self._on_escape_activated}
        for keys, slot in slots.items():
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.activated.connect(slot)
        parent.window().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """When the main window closes, so does the project: what waits is kept before."""
        if event.type() == QEvent.Type.Close:
            self.form.draft.flush()
        return super().eventFilter(watched, event)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        self.form.draft.flush()
        super().closeEvent(event)

    def _on_form_added(self, ids: tuple[int, ...]) -> None:
        self.added.emit(ids)
        self.close()

    def _on_escape_activated(self) -> None:
        if not self.form.is_composing:
            self.close()


def open_new_prompt(session: Session, kind: str, parent: QWidget) -> NewPromptWindow:
    """Show the form of a kind ("few_shot", "user_based", "conversation"): the one that is open, or a new one."""
    windows = [one for one in parent.findChildren(NewPromptWindow, f"new_{kind}") if one.isVisible()]
    window = windows[0] if windows else NewPromptWindow(session, kind, parent)
    window.show()
    window.raise_()
    window.activateWindow()
    window.form.focus_first()
    return window


def add_kinds(
    menu: QMenu, session: Session, parent: QWidget, on_added: Callable[[tuple[int, ...]], None] | None = None
) -> None:
    """Put the three kinds into a menu, such as the library's "New"; ``on_added`` is told the ids of what is made."""

    def open_kind(kind: str) -> None:
        window = open_new_prompt(session, kind, parent)
        if on_added is not None:
            window.added.connect(on_added, Qt.ConnectionType.UniqueConnection)

    for kind, form in FORMS.items():
        menu.addAction(form.word()).triggered.connect(partial(open_kind, kind))
