"""The orders of one person that contradict each other, each with a way to the rankings that hold it."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QTreeWidget, QTreeWidgetItem, QWidget

from rlhf_studio.stats.contradictions import Contradiction
from rlhf_studio.ui.widgets.text import tool_tip

MOST = 200  # shown
_SHOWN = 60  # letters of an answer
_RANKING = Qt.ItemDataRole.UserRole


class ContradictionList(QTreeWidget):
    """A line for each contradiction, below it one for each ranking; Enter or a double click opens that."""

    ranking_chosen = Signal(int)  # id

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setHeaderHidden(True)
        self.setAccessibleName(self.tr("Contradictions"))
        self.setToolTip(self.tr("Open a line and choose a ranking to see it in the history (Enter)"))
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setUniformRowHeights(True)
        self.itemActivated.connect(self._on_item_activated)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(480, 160)

    def show_contradictions(self, found: Sequence[Contradiction]) -> None:
        """List the first ``MOST``."""
        self.clear()
        for each in found[:MOST]:
            item = QTreeWidgetItem([self._title(each)])
            item.setToolTip(0, tool_tip("\n> ".join((*each.answers, each.answers[0]))))
            ring = (*each.answers, each.answers[0])
            for ranking_id, better, worse in zip(each.ranking_ids, ring[:-1], ring[1:], strict=True):
                words = self.tr("Ranking {id}: “{better}” above “{worse}”")
                child = QTreeWidgetItem([words.format(id=ranking_id, better=_short(better), worse=_short(worse))])
                child.setData(0, _RANKING, ranking_id)
                child.setToolTip(0, self.tr("Show this ranking in the history"))
                item.addChild(child)
            self.addTopLevelItem(item)
        first = self.topLevelItem(0)
        if first is not None:
            self.setCurrentItem(first)

    def _title(self, each: Contradiction) -> str:
        name = each.labeler or self.tr("nobody named")
        if len(each.answers) == 2:
            words = self.tr("{name}: “{better}” above “{worse}”, and the other way round")
            text = words.format(name=name, better=_short(each.answers[0]), worse=_short(each.answers[1]))
        else:
            words = self.tr("{name}: three answers in a circle, “{better}” first")
            text = words.format(name=name, better=_short(each.answers[0]))
        return text + (" " + self.tr("(silent repeat)") if each.has_repeat else "")

    def _on_item_activated(self, item: QTreeWidgetItem, _column: int) -> None:
        ranking_id = item.data(0, _RANKING)
        if ranking_id is None:
            item.setExpanded(not item.isExpanded())
        else:
            self.ranking_chosen.emit(ranking_id)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1].rstrip()}…"
