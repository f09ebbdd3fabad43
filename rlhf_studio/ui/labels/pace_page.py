"""How long each labeler's rankings take, by how many answers were ranked."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QStackedWidget, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.stats.pace import Pace, paces
from rlhf_studio.ui.labels.page import LabelsPage
from rlhf_studio.ui.labels.words import seconds_text
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.widgets.parts import GRID, EmptyState
from rlhf_studio.ui.widgets.text import PlainLabel

_NUMBERS = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class PacePage(LabelsPage):
    """Median and 90th percentile of the seconds that people took."""

    tables = frozenset({"ranking", "prompt"})

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.paces: tuple[Pace, ...] = ()
        self.table = QTableWidget(0, 5)
        self.table.setHorizontalHeaderLabels(
            [self.tr("Labeler"), self.tr("Answers"), self.tr("Rankings"), self.tr("Median"), self.tr("90 % within")]
        )
        self.table.setAccessibleName(self.tr("Seconds per ranking"))
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.nothing = EmptyState(
            self.tr("No rankings by people yet"),
            self.tr("Once some are there, this page tells how long they took."),
            self.tr("Rank answers"),
        )
        self.nothing.acted.connect(self._on_nothing_acted)
        words = self.tr(
            "Seconds in which a set was looked at, of rankings that count and that a person made. The 90th percentile "
            "is interpolated between the two rankings nearest to it."
        )
        full = QWidget()
        layout = QVBoxLayout(full)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(PlainLabel(words, "muted", wraps=True))
        layout.addWidget(self.table, 1)
        self._pages = QStackedWidget()
        self._pages.addWidget(full)
        self._pages.addWidget(self.nothing)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)

    def reload(self) -> None:
        try:
            self.paces = paces(self.session.store.ranking_times())
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self.table.setRowCount(len(self.paces))
        for place, pace in enumerate(self.paces):
            self._fill_row(place, pace)
        self._pages.setCurrentIndex(0 if self.paces else 1)

    def _fill_row(self, place: int, pace: Pace) -> None:
        numbers = (str(pace.size), str(pace.count), seconds_text(pace.median), seconds_text(pace.p90))
        for column, text in enumerate((pace.labeler or self.tr("(no name)"), *numbers)):
            item = QTableWidgetItem(text)
            if column:
                item.setTextAlignment(_NUMBERS)
            self.table.setItem(place, column, item)

    def _on_nothing_acted(self) -> None:
        self.go_to_requested.emit(GoTo("rank"))
