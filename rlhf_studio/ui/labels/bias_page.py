"""How often an answer won that was shown earlier, is longer, or comes from a certain model or temperature."""

from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from rlhf_studio.jobs.labelers import EVERYBODY, LabelersFound
from rlhf_studio.stats.bias import CHANCE, BiasFound
from rlhf_studio.stats.intervals import Share
from rlhf_studio.ui.labels.measured_page import MeasuredPage
from rlhf_studio.ui.labels.measuring import Measuring
from rlhf_studio.ui.plots.share_rows import ShareRow, ShareRows
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.widgets.text import PlainLabel

_MOST_MODELS = 8  # those with most pairs


class BiasPage(MeasuredPage):
    """Of everybody or of one labeler: what stands out in words, and all of it in a plot."""

    def __init__(self, session: Session, measuring: Measuring, parent: QWidget | None = None) -> None:
        super().__init__(session, measuring, parent)
        self.labelers = QComboBox()
        self.labelers.setAccessibleName(self.tr("Whose preferences"))
        self.labelers.setToolTip(self.tr("All labelers together, or one of them"))
        self.labelers.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.labelers.activated.connect(self._show)
        self.top.insertWidget(1, self.labelers)
        self.headline = PlainLabel("", "heading", wraps=True)
        self.note = PlainLabel(
            self.tr(
                "Dotted: chance, 50 %; hollow: may be chance. Without any preference one row in twenty is full all the "
                "same. It shows what winners have in common, not why: longer answers may be better. Ties and silent "
                "repeats are left out; lengths are in characters."
            ),
            "muted",
            wraps=True,
        )
        for label in (self.headline, self.note):
            label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.plot = ShareRows(session.theme, self.tr("% of pairs won"), CHANCE)
        self.plot.explain(
            self.tr("What won"),
            self.tr(
                "Of the pairs in which only one of the two answers has it, how often that one won, with 95 % intervals "
                "(Wilson; pairs of one prompt are not independent and count as fewer).\n"
                "Dotted: chance, 50 %. Hollow: may be chance."
            ),
        )
        for widget in (self.headline, self.plot, self.note):
            self.column.addWidget(widget)
        self.column.addStretch(1)
        session.labeler_changed.connect(self._show)

    def show_found(self, found: LabelersFound) -> None:
        chosen = self.labelers.currentData() or EVERYBODY
        self.labelers.clear()
        for name, _ in found.biases:
            self.labelers.addItem(name or self.tr("All labelers"), name)
        self.labelers.setCurrentIndex(max(0, self.labelers.findData(chosen)))
        self.labelers.setVisible(len(found.biases) > 1)
        self._show()

    def _show(self) -> None:
        if self.found is None:
            return
        name = self.labelers.currentData() or EVERYBODY
        bias = dict(self.found.biases)[name]
        if not bias.pairs:
            self.show_nothing(
                self.tr("No pairs to count yet"),
                self.tr(
                    "Each ranking with one answer above another counts here: where the winner was shown, how long it "
                    "is, and which model gave it."
                ),
            )
            return
        self.headline.setText(self._headline(name, bias))
        self.plot.show_rows(self._rows(bias))
        self.show_something()

    def _headline(self, name: str, bias: BiasFound) -> str:
        only = self.found.agreement.labelers if self.found is not None else ()
        who = only[0][0] if not name and len(only) == 1 else name
        if who and who == self.session.labeler:
            wins, none = (
                self.tr("You prefer {what} in {share}."),
                self.tr("You show no clear preference for earlier, longer or a model"),
            )
        elif who:
            wins, none = (
                self.tr("{who} prefers {what} in {share}."),
                self.tr("{who} shows no clear preference for earlier, longer or a model"),
            )
        else:
            wins, none = (
                self.tr("Labelers prefer {what} in {share}."),
                self.tr("Labelers show no clear preference for earlier, longer or a model"),
            )
        said = [wins.format(who=who, what=what, share=self._share(share)) for what, share in self._sides(bias)]
        if said:
            return " ".join(said)
        words = self.tr("{nothing} ({pairs} pairs of {rankings} rankings).")
        return words.format(nothing=none.format(who=who), pairs=bias.pairs, rankings=bias.rankings)

    def _sides(self, bias: BiasFound) -> list[tuple[str, Share]]:
        """What wins more often than chance would, for certain: in words, with the share of the side that wins."""
        sides = (
            (bias.earlier, self.tr("the answer shown earlier"), self.tr("the answer shown later")),
            (bias.longer, self.tr("the longer answer"), self.tr("the shorter answer")),
            (bias.hotter, self.tr("the answer of the higher temperature"), self.tr("that of the lower temperature")),
        )
        found = []
        for share, more, less in sides:
            if share is not None and share.low > CHANCE:
                found.append((more, share))
            elif share is not None and share.high < CHANCE:
                found.append((less, Share(1 - share.value, 1 - share.high, 1 - share.low, share.count, share.groups)))
        best = [(name, share) for name, share in bias.by_model if share.low > CHANCE]
        return found + [(self.tr("answers of {model}").format(model=name), share) for name, share in best]

    def _share(self, share: Share) -> str:
        words = self.tr("{value} % of pairs (95 %: {low} to {high}, n\u00a0=\u00a0{n})")
        low, high = f"{100 * share.low:.0f}", f"{100 * share.high:.0f}"
        return words.format(value=f"{100 * share.value:.0f}", low=low, high=high, n=f"{share.count:,}")

    def _rows(self, bias: BiasFound) -> list[ShareRow]:
        rows = []
        if bias.earlier is not None:
            rows.append(ShareRow(self.tr("shown earlier"), bias.earlier))
        rows += [ShareRow(self.tr("shown as number {n}").format(n=place), share) for place, share in bias.by_place]
        if bias.longer is not None:
            rows.append(ShareRow(self.tr("longer"), bias.longer, is_apart=True))
        models = sorted(bias.by_model, key=lambda item: -item[1].count)[:_MOST_MODELS]
        by = self.tr("by {model}")
        for i, (name, share) in enumerate(sorted(models)):
            rows.append(ShareRow(by.format(model=name), share, is_apart=i == 0))
        if bias.hotter is not None and len(bias.by_temperature) > 2:
            rows.append(ShareRow(self.tr("higher temperature"), bias.hotter, is_apart=True))
        for i, (temperature, share) in enumerate(bias.by_temperature):
            name = self.tr("temperature {t}").format(t=f"{temperature:g}")
            rows.append(ShareRow(name, share, is_apart=i == 0 and len(bias.by_temperature) <= 2))
        return rows
