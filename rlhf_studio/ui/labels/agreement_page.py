"""How far labelers agree with each other and with themselves, beside the paper's, and where one contradicts himself."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QSizePolicy, QTableWidget, QTableWidgetItem, QWidget

from rlhf_studio.jobs.labelers import LabelersFound
from rlhf_studio.stats.agreement import AgreementFound, Measures
from rlhf_studio.stats.intervals import Mean, Share
from rlhf_studio.stats.preferences import PAPER_AGREEMENT
from rlhf_studio.ui.labels.contradiction_list import MOST, ContradictionList
from rlhf_studio.ui.labels.measured_page import MeasuredPage
from rlhf_studio.ui.labels.measuring import Measuring
from rlhf_studio.ui.plots.share_rows import ShareRow, ShareRows
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.widgets.text import PlainLabel

_MOST_PAIRS = 10  # of labelers, in the plot; those with most pairs of answers
_MOST_LINES = 8  # of the table, without scrolling
_NUMBERS = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class AgreementPage(MeasuredPage):
    """A sentence, a plot by labelers, a table of all measures, and the contradictions."""

    def __init__(self, session: Session, measuring: Measuring, parent: QWidget | None = None) -> None:
        super().__init__(session, measuring, parent)
        self.headline = PlainLabel("", "heading", wraps=True)
        self.paper = PlainLabel(_paper(self), "muted", wraps=True)
        for label in (self.headline, self.paper):
            label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.plot = ShareRows(session.theme, self.tr("% of pairs ordered alike"), 0.5)
        self.plot.explain(
            self.tr("Pairs ordered alike"),
            self.tr(
                "Of two answers that both orders rank apart, how often they do so alike, with 95 % intervals (Wilson; "
                "pairs of one prompt are not independent and count as fewer). Ties are left out.\nDotted: guessing. "
                "Dashed: the paper's labelers, 72.6 % and 77.3 %. Hollow: may be guessing."
            ),
        )
        self.table = self._make_table()
        self.about = PlainLabel("", "heading", wraps=True)
        self.about.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.contradictions = ContradictionList()
        self.contradictions.ranking_chosen.connect(self._on_ranking_chosen)
        for widget in (self.headline, self.paper, self.plot, self.table, self.about, self.contradictions):
            self.column.addWidget(widget)
        self.column.setStretch(5, 1)

    def show_found(self, found: LabelersFound) -> None:
        agreement = found.agreement
        if not (agreement.between.orders or agreement.within.orders or found.contradictions):
            self.show_nothing(self.tr("Nothing was ranked twice yet"), self._missing(agreement))
            return
        self.headline.setText(self._headline(agreement))
        rows = _rows(self, agreement)
        self.plot.setVisible(bool(rows))
        self.plot.show_rows(rows, [value for value, _ in PAPER_AGREEMENT])
        self._fill_table(agreement)
        self._show_contradictions(found)
        self.show_something()

    def _missing(self, agreement: AgreementFound) -> str:
        people = len(agreement.labelers)
        if self.kinds.currentData() == "simulated":
            return self.tr("Agreement of scripts needs two that ranked the same answers.")
        who = self.tr("1 person has ranked") if people == 1 else self.tr("{n} people have ranked").format(n=people)
        words = self.tr("Agreement needs two people who ranked the same answers; so far {who}, and no set in common.")
        return f"{words.format(who=who)} {self.how_to_share()}"

    def _headline(self, agreement: AgreementFound) -> str:
        between, within = agreement.between.pairs, agreement.within.pairs
        said = []
        if between is not None:
            words = self.tr("Two labelers order {value} of pairs alike (95 %: {low} to {high}, n\u00a0=\u00a0{pairs}).")
            said.append(words.format(**_figures(between)))
        else:
            said.append(self.tr("No two labelers have ranked the same answers yet.") + " " + self.how_to_share())
        if within is not None:
            words = self.tr(
                "A labeler who ranks again orders {value} as before (95 %: {low} to {high}, n\u00a0=\u00a0{pairs})."
            )
            said.append(words.format(**_figures(within)))
        return " ".join(said)

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, 7)
        table.setHorizontalHeaderLabels(
            [
                self.tr("Who"),
                self.tr("Pairs alike"),
                self.tr("Ties as halves"),
                self.tr("Kendall's tau-b"),
                self.tr("Krippendorff's alpha"),
                self.tr("Pairs"),
                self.tr("Comparisons"),
            ]
        )
        tips = (
            self.tr("Of pairs that neither order ties, those ordered alike; 95 % interval"),
            self.tr("The same, where each tied pair counts one half, as if a coin had broken the tie"),
            self.tr(
                "Mean over two orders of the same answers; 1 alike, 0 chance, -1 opposite; 95 % interval by prompts"
            ),
            self.tr("Ordinal, of the answers' ranks; 1 alike, 0 chance; 95 % interval by prompts"),
        )
        for column, tip in enumerate(tips, start=1):
            head = table.horizontalHeaderItem(column)
            if head is not None:
                head.setToolTip(tip)
        table.setAccessibleName(self.tr("Measures of agreement"))
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        return table

    def _fill_table(self, agreement: AgreementFound) -> None:
        rows = [(self.tr("two labelers"), agreement.between), (self.tr("one labeler, twice"), agreement.within)]
        rows = [(name, measures) for name, measures in rows if measures.orders]
        if len(agreement.by_pair) > 1:
            rows += [(_pair_name(self, one, other), measures) for one, other, measures in agreement.by_pair]
        if len(agreement.by_labeler) > 1:
            twice = self.tr("{name}, twice")
            rows += [(twice.format(name=_name(self, name)), measures) for name, measures in agreement.by_labeler]
        self.table.setRowCount(len(rows))
        for place, (name, measures) in enumerate(rows):
            for column, text in enumerate((name, *_cells(self, measures))):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(_NUMBERS)
                self.table.setItem(place, column, item)
        self.table.resizeRowsToContents()
        high = sum(self.table.rowHeight(place) for place in range(min(_MOST_LINES, len(rows))))
        around = self.table.height() - self.table.viewport().height() - self.table.horizontalHeader().height()
        self.table.setFixedHeight(high + self.table.horizontalHeader().sizeHint().height() + max(8, around))
        self.table.setVisible(bool(rows))

    def _show_contradictions(self, found: LabelersFound) -> None:
        count = len(found.contradictions)
        one, many = self.tr("1 contradiction"), self.tr("{n} contradictions")
        words = (one if count == 1 else many).format(n=count) if count else self.tr("No order contradicts another one.")
        if count:
            words += self.tr(" of one person's orders, given at different times")
        if count > MOST:
            words += self.tr("; the latest {n} are listed").format(n=MOST)
        self.about.setText(words)
        self.contradictions.setVisible(count > 0)
        self.contradictions.show_contradictions(found.contradictions)

    def _on_ranking_chosen(self, ranking_id: int) -> None:
        self.go_to_requested.emit(GoTo("labels", ranking_id=ranking_id))


def _paper(page: QWidget) -> str:
    (own, own_half), (others, others_half) = PAPER_AGREEMENT
    words = page.tr(
        "InstructGPT (section 3.4): labelers of the training data agree on {own} of pairs among each other, held-out "
        "labelers on {others} (dashed)."
    )
    return words.format(
        own=f"{100 * own:.1f} ± {100 * own_half:.1f} %", others=f"{100 * others:.1f} ± {100 * others_half:.1f} %"
    )


def _rows(page: QWidget, agreement: AgreementFound) -> list[ShareRow]:
    """What is drawn: any two labelers, each two, one twice, each one twice."""
    rows: list[ShareRow] = []
    groups = (
        (page.tr("two labelers"), agreement.between, [(_pair_name(page, a, b), m) for a, b, m in agreement.by_pair]),
        (page.tr("one labeler, twice"), agreement.within, [(_name(page, name), m) for name, m in agreement.by_labeler]),
    )
    for name, everybody, each in groups:
        if everybody.pairs is not None:
            rows.append(ShareRow(name, everybody.pairs, is_apart=bool(rows)))
        some = [(who, measures.pairs) for who, measures in each if measures.pairs is not None]
        some = sorted(some, key=lambda item: -item[1].count)[:_MOST_PAIRS] if len(some) > 1 else []
        rows += [ShareRow(who, share) for who, share in some]
    return rows


def _name(page: QWidget, name: str) -> str:
    return name or page.tr("nobody named")


def _pair_name(page: QWidget, one: str, other: str) -> str:
    return page.tr("{one}, {other}").format(one=_name(page, one), other=_name(page, other))


def _cells(page: QWidget, measures: Measures) -> tuple[str, ...]:
    pairs, interval = measures.pairs, page.tr("{value} ({low} to {high})")
    shares = [_interval(interval, share, 100, "{:.1f} %") for share in (pairs, measures.pairs_with_ties)]
    means = [_interval(interval, mean, 1, "{:.2f}") for mean in (measures.tau, measures.alpha)]
    return (*shares, *means, f"{pairs.count:,}" if pairs is not None else "0", f"{measures.orders:,}")


def _interval(words: str, found: Share | Mean | None, times: int, form: str) -> str:
    if found is None:
        return "-"
    low, high = (form.format(times * end).removesuffix(" %") for end in (found.low, found.high))
    return words.format(value=form.format(times * found.value), low=low, high=high)


def _figures(share: Share) -> dict[str, str]:
    return {
        "value": f"{100 * share.value:.1f} %",
        "low": f"{100 * share.low:.1f}",
        "high": f"{100 * share.high:.1f}",
        "pairs": f"{share.count:,}",
    }
