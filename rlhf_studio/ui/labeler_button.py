"""Who labels: a button with the name, whose menu has everybody who labeled in this project, and a way to a new name."""

from functools import partial

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QDialog, QLineEdit, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.store.overlaps import MAX_NAME, person_name
from rlhf_studio.ui.icons import icon
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel, tool_tip

LABELER_KEYS = "Ctrl+Shift+L"
_ACT = "window.labeler"
_SHOWN = 20  # letters of a name on the button
_WIDTH_PX = 400


class LabelerButton(QToolButton):
    """The name of the person at the desk; one click, or the key, opens the others."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setObjectName("labeler")
        self.setProperty("look", "foot")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setIconSize(QSize(16, 16))
        self.names = QMenu(self)
        self.names.setAccessibleName(self.tr("Who labels"))
        self.names.setToolTipsVisible(True)
        self.names.aboutToShow.connect(self.fill)
        self.setMenu(self.names)
        self._group = QActionGroup(self)
        session.labeler_changed.connect(self._show_name)
        session.theme.changed.connect(self._show_name)
        session.keymap.changed.connect(self._show_name)
        self._show_name()

    def fill(self) -> None:
        """List who labeled here, read when the menu is opened."""
        current = self._session.labeler
        for action in self._group.actions():
            self._group.removeAction(action)
        self.names.clear()
        try:
            people = self._session.store.people()
        except StudioError as error:
            self._session.say(str(error), kind="error")
            people = ()
        for name in people if current in people else (current, *people):
            action = self._add(name.replace("&", "&&"), partial(self._session.set_labeler, name))
            action.setCheckable(True)
            action.setChecked(name == current)
            self._group.addAction(action)
        self.names.addSeparator()
        self._add(self.tr("New &name…"), self.ask_name).setObjectName("new")

    def open_menu(self) -> None:
        """Open the menu by a key: the first line is under the arrow keys."""
        self.showMenu()

    def ask_name(self) -> None:
        """Ask for a name that is not in the list."""
        NameDialog(self._session, self.window()).open()

    def _add(self, words: str, act: object) -> QAction:
        action = self.names.addAction(words)
        action.triggered.connect(act)
        return action

    def _show_name(self) -> None:
        name = self._session.labeler
        short = name if len(name) <= _SHOWN else f"{name[: _SHOWN - 1].rstrip()}…"
        self.setText(short.replace("&", "&&"))
        self.setIcon(icon("mdi6.account-outline", self._session.theme.colours.muted))
        self.setAccessibleName(self.tr("Labeler: {name}").format(name=name))
        words = self.tr("{name} labels. Click to let somebody else label ({keys})")
        self.setToolTip(tool_tip(words.format(name=name, keys=labeler_keys(self._session))))


def labeler_keys(session: Session) -> str:
    """The keys that open the names, as the person has set them; the menu that declares them may come later."""
    names = {act.name for act in session.keymap.acts}
    return session.keymap.text(_ACT) if _ACT in names else LABELER_KEYS


class NameDialog(QDialog):
    """A field for a name; what cannot be one is said below it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle(self.tr("New labeler"))
        self.setObjectName("new_labeler")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.edit = QLineEdit()
        self.edit.setMaxLength(MAX_NAME)
        self.edit.setAccessibleName(self.tr("Name"))
        self.edit.setToolTip(self.tr("Is kept with every label that is made from now on"))
        self.edit.textChanged.connect(self._on_edit_text_changed)
        self.note = PlainLabel("", "danger", wraps=True)
        self.use = Button(self.tr("Use this name"), self.tr("Label under this name from now on"), "primary")
        self.cancel = Button(self.tr("Cancel"), self.tr("Change nothing"))
        self.use.clicked.connect(self.accept)
        self.cancel.clicked.connect(self.reject)
        self.use.setDefault(True)
        self.use.setEnabled(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        caption = PlainLabel(self.tr("Who labels now?"), "heading")
        caption.setBuddy(self.edit)
        layout.addWidget(caption)
        layout.addWidget(self.edit)
        layout.addWidget(self.note)
        layout.addStretch(1)
        layout.addLayout(row(None, self.cancel, self.use))
        self.setMinimumWidth(_WIDTH_PX)

    def accept(self) -> None:
        """Label under the name, if it is one."""
        try:
            name = person_name(self.edit.text(), self._session.store.simulated_labelers())
        except StudioError as error:
            self.note.setText(str(error))
            return
        self._session.set_labeler(name)
        super().accept()

    def _on_edit_text_changed(self, text: str) -> None:
        self.note.setText("")
        self.use.setEnabled(bool(text.strip()))
