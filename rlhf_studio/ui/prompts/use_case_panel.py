"""How the prompts are spread over use cases, beside InstructGPT's own prompts; a row shows only its own."""

from collections.abc import Mapping

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from rlhf_studio.schema import USE_CASES, UseCase
from rlhf_studio.ui.prompts.words import PAPER_SHARES
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import GRID
from rlhf_studio.ui.widgets.text import PlainLabel

_BAR_PX = 7
_GAP_PX = 3


class UseCaseRow(QAbstractButton):
    """A use case with two bars: its share here, filled, and in InstructGPT's prompts, in outline."""

    def __init__(self, use_case: UseCase, theme: Theme) -> None:
        super().__init__()
        self.use_case = use_case
        self._theme = theme
        self._count, self._share, self._longest = 0, 0.0, 100.0
        self.setText(use_case_word(use_case))
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        theme.changed.connect(self.updateGeometry)

    def show_count(self, count: int, share: float, longest: float) -> None:
        """Take new numbers.

        Args:
            count: Prompts of the use case.
            share: Their percent of all.
            longest: The percent that fills a bar's whole length.
        """
        self._count, self._share, self._longest = count, share, max(longest, 1.0)
        words = self.tr("{use_case}: {count} prompts, {share} %; in InstructGPT's {paper} %").format(
            use_case=self.text(), count=count, share=f"{share:.1f}", paper=PAPER_SHARES[self.use_case]
        )
        self.setAccessibleName(words)
        self.setToolTip(self.tr("{words}. Click to show only these, and again to show all.").format(words=words))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        metrics = self.fontMetrics()
        return QSize(30 * metrics.averageCharWidth(), 2 * metrics.height() + _GAP_PX + 2 * GRID)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours, metrics = self._theme.colours, self.fontMetrics()
        self._paint_ground(painter)
        box = QRectF(self.rect()).adjusted(GRID, GRID - 2, -GRID, 2 - GRID)
        line = QRectF(box.left(), box.top(), box.width(), metrics.height())
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold if self.isChecked() else QFont.Weight.Normal)
        painter.setFont(font)
        painter.setPen(QColor(colours.text))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.text())
        numbers = f"{self._count:,} · {self._share:.1f} %"
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, numbers)
        paper = f"{PAPER_SHARES[self.use_case]} %"
        room = box.width() - metrics.horizontalAdvance("45.6 %") - GRID
        low = QRectF(box.left(), line.bottom() + _GAP_PX, box.width(), metrics.height())
        painter.setFont(self.font())
        painter.setPen(QColor(colours.muted))
        painter.drawText(low, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, paper)
        self._paint_bars(painter, low, room)

    def _paint_ground(self, painter: QPainter) -> None:
        colours = self._theme.colours
        ground = colours.selection if self.isChecked() else colours.raised if self.underMouse() else colours.surface
        edge = colours.accent if self.isChecked() or self.hasFocus() else ground
        painter.setPen(QPen(QColor(edge), 2.0 if self.hasFocus() else 1.0))
        painter.setBrush(QColor(ground))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)

    def _paint_bars(self, painter: QPainter, line: QRectF, room: float) -> None:
        colours = self._theme.colours
        top = line.center().y() - _BAR_PX - 1
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.accent))
        painter.drawRect(QRectF(line.left(), top, room * self._share / self._longest, _BAR_PX))
        painter.setPen(QPen(QColor(colours.muted), 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        length = room * PAPER_SHARES[self.use_case] / self._longest
        painter.drawRect(QRectF(line.left() + 0.5, top + _BAR_PX + 2.5, length - 1, _BAR_PX - 1))


class UseCasePanel(QWidget):
    """All use cases in the order of table 1; at most one is chosen."""

    chosen = Signal(object)  # UseCase, or None for all

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = {use_case: UseCaseRow(use_case, theme) for use_case in USE_CASES}
        inner = QWidget()
        inner.setProperty("look", "page")
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for row in self.rows.values():
            row.clicked.connect(self._on_row_clicked)
            column.addWidget(row)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName(self.tr("Use cases"))
        area.setWidget(inner)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setMinimumWidth(inner.minimumSizeHint().width() + 2 * GRID)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(PlainLabel(self.tr("Use cases"), "heading"))
        self.legend = PlainLabel(self.tr("■ these prompts   □ InstructGPT's (table 1)"), "muted", wraps=True)
        layout.addWidget(self.legend)
        layout.addWidget(area, 1)

    def show_counts(self, counts: Mapping[UseCase, int]) -> None:
        """Take how many prompts fit, of each use case."""
        total = max(1, sum(counts.values()))
        shares = {use_case: 100 * counts.get(use_case, 0) / total for use_case in USE_CASES}
        longest = max(*shares.values(), *PAPER_SHARES.values())
        for use_case, row in self.rows.items():
            row.show_count(counts.get(use_case, 0), shares[use_case], longest)

    def choose(self, use_case: UseCase | None) -> None:
        """Mark one, or none, without telling."""
        for name, row in self.rows.items():
            row.setChecked(name == use_case)

    def _on_row_clicked(self) -> None:
        clicked = self.sender()
        if isinstance(clicked, UseCaseRow):
            use_case = clicked.use_case if clicked.isChecked() else None
            self.choose(use_case)
            self.chosen.emit(use_case)
