"""How often each mark was given in this project, beside InstructGPT's table 7."""

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.store.annotations import MARKS, PAPER_SETS, PAPER_SHARES
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.marks.words import mark_tip, mark_word
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel

_SIZE = (860, 500)
_NONE = "\u2013"


class SharesWindow(QWidget):
    """A row for each mark: this project, then the paper's five sets."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Dialog)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Marks of prompts"))
        self.setObjectName("mark_shares")
        self._session = session
        self.looked_at = PlainLabel("", "muted", wraps=True)
        self._cells: list[QTableWidgetItem] = []  # of this project
        self.table = self._make_table()
        note = PlainLabel(
            self.tr(
                "InstructGPT, table 7: percent of the prompts of each set; \u2013 was not collected. A prompt of this "
                "project counts for a mark if anybody gave it."
            ),
            "muted",
            wraps=True,
        )
        self.close_button = Button(self.tr("Close"), self.tr("Close this window"), keys=self.tr("Esc"))
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        column.setSpacing(GRID)
        column.addWidget(PlainLabel(self.tr("Marks of prompts"), "title"))
        column.addWidget(self.looked_at)
        column.addWidget(self.table, 1)
        column.addWidget(note)
        column.addLayout(row(None, self.close_button))
        self.resize(*_SIZE)
        self.close_button.clicked.connect(self.close)
        QShortcut(QKeySequence("Esc"), self).activated.connect(self.close)
        session.store_changed.connect(self._on_session_store_changed)
        QWidget.setTabOrder(self.table, self.close_button)
        self.reload()

    def reload(self) -> None:
        """Count again."""
        try:
            counts = self._session.store.mark_counts()
        except StudioError as error:
            self._session.say(str(error), kind="error")
            return
        one, several = self.tr("One prompt was looked at."), self.tr("{count} prompts were looked at.")
        self.looked_at.setText(one if counts.prompts == 1 else several.format(count=counts.prompts))
        for place, mark in enumerate(MARKS):
            percent = counts.percent(mark)
            words = _NONE if percent is None else f"{percent:.1f} % ({counts.by_mark[mark]})"
            self._cells[place].setText(words)

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(len(MARKS), 1 + len(PAPER_SETS))
        table.setAccessibleName(self.tr("Shares of the marks"))
        table.setToolTip(self.tr("Percent of prompts with each mark"))
        table.setHorizontalHeaderLabels([self.tr("This project"), *PAPER_SETS])
        table.setVerticalHeaderLabels([mark_word(mark) for mark in MARKS])
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setCornerButtonEnabled(False)
        table.verticalHeader().setDefaultSectionSize(table.fontMetrics().lineSpacing() + GRID)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        for place, mark in enumerate(MARKS):
            shares = ("", *(_NONE if share is None else f"{share:.1f} %" for share in PAPER_SHARES[mark]))
            for column, words in enumerate(shares):
                cell = QTableWidgetItem(words)
                cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                cell.setToolTip(mark_tip(mark))
                table.setItem(place, column, cell)
                if not column:
                    self._cells.append(cell)
        return table

    def _on_session_store_changed(self, changes: Changes, _origin: QObject | None) -> None:
        if changes.tables & {"annotation", "prompt"}:
            self.reload()


def show_shares(session: Session, parent: QWidget) -> SharesWindow:
    """Show the table: the one that is open, or a new one."""
    windows = [one for one in parent.findChildren(SharesWindow) if one.isVisible()]
    window = windows[0] if windows else SharesWindow(session, parent)
    window.show()
    window.raise_()
    window.activateWindow()
    return window
