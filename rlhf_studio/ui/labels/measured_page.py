"""What the pages Agreement and Bias have in common: whose rankings, what goes on, and something or nothing to show."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFrame, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from rlhf_studio.jobs.labelers import LabelersFound
from rlhf_studio.ui.labeler_button import labeler_keys
from rlhf_studio.ui.labels.measuring import Measuring
from rlhf_studio.ui.labels.page import LabelsPage
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.widgets.parts import GRID, EmptyState, row
from rlhf_studio.ui.widgets.text import PlainLabel


class MeasuredPage(LabelsPage):
    """Shows what was measured last while it is measured anew."""

    tables = frozenset({"ranking", "prompt", "answer_set"})

    def __init__(self, session: Session, measuring: Measuring, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.measuring = measuring
        self.found: LabelersFound | None = None
        self.kinds = QComboBox()
        self.kinds.addItem(self.tr("Rankings by people"), "people")
        self.kinds.addItem(self.tr("Simulated rankings"), "simulated")
        self.kinds.setAccessibleName(self.tr("Whose rankings"))
        self.kinds.setToolTip(self.tr("What scripts ranked is never mixed with what people did"))
        self.kinds.currentIndexChanged.connect(self.reload)
        self.state = PlainLabel("", "muted")
        self.nothing = EmptyState("", "", self.tr("Rank answers"))
        self.nothing.title.show()
        self.nothing.acted.connect(self._on_nothing_acted)
        self.top = row(self.kinds, self.state, None)
        self._page = QWidget()
        self._page.setProperty("look", "page")
        self.column = QVBoxLayout(self._page)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(GRID)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self._page)
        self.pages = QStackedWidget()
        for page in (QWidget(), area, self.nothing):
            self.pages.addWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(GRID)
        outer.addLayout(self.top)
        outer.addWidget(self.pages, 1)
        measuring.found.connect(self._on_measuring_found)
        measuring.failed.connect(self._on_measuring_failed)

    def reload(self) -> None:
        self.measuring.ask(self.kinds.currentData())
        if self.measuring.is_busy:
            self.state.set_look("muted")
            self.state.setText(self.tr("Measuring…"))

    def take_keys(self) -> None:
        self.kinds.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_found(self, found: LabelersFound) -> None:
        """Show it, or say why there is nothing to show."""
        raise NotImplementedError

    def show_nothing(self, title: str, sentence: str) -> None:
        """Say what is missing and what to do."""
        self.nothing.title.setText(title)
        self.nothing.sentence.setText(sentence)
        self.pages.setCurrentWidget(self.nothing)

    def show_something(self) -> None:
        """Show the page."""
        self.pages.setCurrentIndex(1)

    def how_to_share(self) -> str:
        """How two people come to rank the same answers."""
        words = self.tr(
            "Switch the name at the foot of the window ({keys}); {percent} % of the sets that each person is given are "
            "ones that others have ranked, and nothing tells which."
        )
        return words.format(keys=labeler_keys(self.session), percent=self.session.preferences.shared_percent)

    def _on_measuring_found(self, found: LabelersFound) -> None:
        if found.kind == self.kinds.currentData():
            self.found = found
            self.state.setText("")
            self.show_found(found)

    def _on_measuring_failed(self, message: str) -> None:
        self.state.set_look("danger")
        self.state.setText(message)

    def _on_nothing_acted(self) -> None:
        self.go_to_requested.emit(GoTo("rank"))
