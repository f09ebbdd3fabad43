"""The answer as Markdown beside its editor, or below it where there is no room; it follows what is typed."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.markdown import MarkdownView
from rlhf_studio.ui.widgets.text import PlainLabel

PREVIEW_MS = 150  # after the last key, and at the latest so long after the first
_SIDE_BY_SIDE_PX = 700
_SHARE = 10_000  # of each; Qt scales such sizes down to what there is, smaller ones it fills up unevenly
_LOW_PX, _LEAST_PX = 320, 520  # lower than that two pages one below the other show nothing; as wide as two can be read


class PreviewPane(QWidget):
    """A page of Markdown, and a word where it is not all of it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self.view = MarkdownView(theme)
        self.view.setAccessibleName(self.tr("Preview of your answer"))
        self.view.setToolTip(self.tr("Your answer read as Markdown; nothing that it names is loaded"))
        self.view.setPlaceholderText(self.tr("Your answer, read as Markdown."))
        self.note = PlainLabel(
            self.tr("The answer is too long for a preview; only its beginning is shown."), "muted", wraps=True
        )
        self.note.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.view, 1)
        column.addWidget(self.note)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PREVIEW_MS)
        self._timer.timeout.connect(self.render_now)
        self.hide()

    def follow(self, text: str) -> None:
        """Show this text soon; while hidden it only waits."""
        self._text = text
        if not self.isHidden() and not self._timer.isActive():
            self._timer.start()

    def render_now(self) -> None:
        """Show the text at once."""
        self._timer.stop()
        is_whole = self.view.show_markdown(self._text)
        self.note.setHidden(is_whole)


class PreviewedEditor(QSplitter):
    """An editor and its preview."""

    def __init__(self, editor: QWidget, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self.preview = PreviewPane(theme)
        for place, widget in enumerate((editor, self.preview)):
            self.addWidget(widget)
            self.setCollapsible(place, False)
            self.setStretchFactor(place, 1)
        self.setHandleWidth(8)

    @property
    def is_previewed(self) -> bool:
        return not self.preview.isHidden()

    def show_preview(self, *, is_shown: bool) -> None:
        """Show the preview with what is in the editor, or hide it."""
        self.preview.setVisible(is_shown)
        if is_shown:
            self._arrange()
            self.preview.render_now()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        is_wide = self.width() >= (_SIDE_BY_SIDE_PX if self.height() >= _LOW_PX else _LEAST_PX)
        wanted = Qt.Orientation.Horizontal if is_wide else Qt.Orientation.Vertical
        if wanted != self.orientation():
            self.setOrientation(wanted)
            self.setSizes([_SHARE, _SHARE])
