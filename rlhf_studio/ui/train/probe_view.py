"""What the model says now: the same prompts answered as training goes, with the words that changed marked."""

from dataclasses import dataclass

from PySide6.QtGui import QColor, QFont, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QTextEdit, QWidget

from rlhf_studio.events import SampleShown
from rlhf_studio.stats.text_diff import changed_words
from rlhf_studio.ui.theme import Theme


@dataclass(slots=True)
class _Probe:
    first: SampleShown
    before: SampleShown
    now: SampleShown


class ProbeView(QTextEdit):
    """Plain text with formats of its own: what a model wrote is never read as HTML."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._probes: dict[int, _Probe] = {}
        self._is_against_first = False
        self.setReadOnly(True)
        self.setProperty("look", "reading")
        self.setTabChangesFocus(True)
        self.setAccessibleName(self.tr("What the model says now"))
        self.setToolTip(self.tr("Probe prompts, answered as training goes; changed words are underlined"))
        theme.changed.connect(self.refresh)
        self.refresh()

    def clear_probes(self) -> None:
        """Forget every answer: another run begins."""
        self._probes = {}
        self.refresh()

    def take(self, sample: SampleShown) -> None:
        """Remember an answer; ``refresh`` shows it."""
        known = self._probes.get(sample.prompt_id)
        if known is None:
            self._probes[sample.prompt_id] = _Probe(sample, sample, sample)
        elif sample.step >= known.now.step:
            known.before, known.now = known.now, sample

    def compare_with_first(self, is_against_first: bool) -> None:
        """Mark what changed since the first answer instead of since the one before."""
        self._is_against_first = is_against_first
        self.refresh()

    def refresh(self) -> None:
        """Show all answers, and stay where the reader is."""
        place = self.verticalScrollBar().value()
        self.clear()
        cursor = self.textCursor()
        if not self._probes:
            hint = self.tr("While a model learns, it answers the same prompts again and again here.")
            cursor.insertText(hint, self._muted())
        for number, probe in enumerate(self._probes.values()):
            if number:
                cursor.insertText("\n\n", QTextCharFormat())
            self._write(cursor, probe)
        self.verticalScrollBar().setValue(place)

    def _write(self, cursor: QTextCursor, probe: _Probe) -> None:
        colours = self._theme.colours
        muted, plain, changed = self._muted(), QTextCharFormat(), QTextCharFormat()
        plain.setForeground(QColor(colours.text))
        changed.setForeground(QColor(colours.text))
        changed.setBackground(QColor(colours.changed))
        changed.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
        changed.setFontWeight(QFont.Weight.DemiBold)
        cursor.insertText(probe.now.prompt + "\n", muted)
        before = probe.first if self._is_against_first else probe.before
        for text, is_changed in changed_words(before.text, probe.now.text):
            cursor.insertText(text, changed if is_changed else plain)
        cursor.insertText("\n" + self._figures(probe.now), muted)

    def _muted(self) -> QTextCharFormat:
        muted = QTextCharFormat()
        muted.setForeground(QColor(self._theme.colours.muted))
        muted.setProperty(QTextCharFormat.Property.FontPixelSize, max(11, self._theme.reading_px - 3))
        return muted

    def _figures(self, sample: SampleShown) -> str:
        parts = [self.tr("step {step}").format(step=sample.step)]
        if sample.score is not None:
            parts.append(self.tr("reward {score:+.2f}").format(score=sample.score))
        if sample.kl is not None:
            parts.append(self.tr("KL {kl:.1f} nats").format(kl=sample.kl))
        return " · ".join(parts)
