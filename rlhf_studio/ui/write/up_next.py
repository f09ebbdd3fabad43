"""Which prompt comes next and why, and in which order they come."""

from typing import Literal, get_args

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import USE_CASE_PERCENT
from rlhf_studio.store.writing import NextPrompt
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import row
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.prompt_list import PromptList

Order = Literal["listed", "fewest", "paper", "random"]
ORDERS: tuple[Order, ...] = get_args(Order)
_ORDER = "ui.write.order"


class UpNext(QWidget):
    """The order, and one line about the next prompt. What was skipped comes when there is no other."""

    failed = Signal(str)  # a sentence to show

    def __init__(self, session: Session, prompts: PromptList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._store = session.store
        self._prompts = prompts
        self._open: int | None = None
        self._announced: NextPrompt | None = None
        self._passed: set[int] = set()
        self.order = QComboBox()
        self.order.setAccessibleName(self.tr("Order of prompts"))
        self.order.setToolTip(self.tr("Which prompt comes next after Save or Skip"))
        for name, words in self._orders().items():
            self.order.addItem(words, name)
        self.reason = PlainLabel("", "muted", wraps=True)
        label = PlainLabel(self.tr("Next"), "heading")
        label.setBuddy(self.order)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        head = row(label, self.order)
        head.setStretch(1, 1)
        column.addLayout(head)
        column.addWidget(self.reason)
        self._restore()
        self.order.activated.connect(self._on_order_activated)
        prompts.filtered.connect(self._on_prompts_filtered)

    @property
    def chosen(self) -> Order:
        """The order in force: words that are searched for are worked through as they are listed."""
        order: Order = self.order.currentData()
        return "listed" if self._prompts.search.text().strip() else order

    def next_id(self) -> int | None:
        """The prompt that comes after the open one; None where there is no other without a demonstration."""
        if self._open is None:
            self.explain(None)
        return None if self._announced is None else self._announced.id

    def skip(self, prompt_id: int) -> None:
        """This one was skipped."""
        self._passed.add(prompt_id)

    def explain(self, prompt_id: int | None) -> None:
        """Say what comes after a prompt."""
        self._open = prompt_id
        try:
            self._announced = self._find()
        except StudioError as error:
            self._announced = None
            self.failed.emit(str(error))
            return
        self.reason.setText(self._words(self._announced))

    def _find(self) -> NextPrompt | None:
        order, use_case = self.chosen, self._prompts.chips.use_case
        if order != "listed":
            return self._store.next_prompt(order, use_case, after=self._open or 0, passed=self._passed)
        item = self._prompts.next_unlabeled()
        if item is None:
            return None
        counts = self._prompts.counts
        waiting = sum(total - labeled for name, (total, labeled) in counts.items() if use_case in {None, name})
        return NextPrompt(item.id, item.use_case, counts[item.use_case], waiting)

    def _words(self, found: NextPrompt | None) -> str:
        if found is None:
            return self.tr("No other prompt here is without a demonstration.")
        total, labeled = found.count
        words = {
            "listed": self.tr("{use_case}, the next one below: {labeled} of {total} answered there"),
            "fewest": self.tr("{use_case}, where fewest are answered: {labeled} of {total}"),
            "paper": self.tr(
                "{use_case}, furthest below its {percent:.1f} % in the paper: {labeled} of {total} answered"
            ),
            "random": self.tr("{use_case}, drawn from {waiting} without a demonstration"),
        }[self.chosen]
        return words.format(
            use_case=use_case_word(found.use_case),
            labeled=labeled,
            total=total,
            waiting=found.waiting,
            percent=USE_CASE_PERCENT[found.use_case],
        )

    def _orders(self) -> dict[Order, str]:
        return {
            "listed": self.tr("As listed"),
            "fewest": self.tr("Use case with the fewest first"),
            "paper": self.tr("As the paper's mix of use cases"),
            "random": self.tr("At random, always the same"),
        }

    def _restore(self) -> None:
        try:
            kept = self._store.get_meta(_ORDER)
        except StudioError as error:
            self.failed.emit(str(error))
            return
        if kept in ORDERS:
            self.order.setCurrentIndex(ORDERS.index(kept))

    def _on_prompts_filtered(self) -> None:
        self.explain(self._open)

    def _on_order_activated(self) -> None:
        self._passed.clear()
        try:
            if not self._store.is_read_only:
                self._store.set_meta(_ORDER, self.order.currentData())
        except StudioError as error:
            self.failed.emit(str(error))
        self.explain(self._open)
