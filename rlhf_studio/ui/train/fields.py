"""One editor for each kind of setting, made from its declaration."""

from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtGui import QDoubleValidator, QIntValidator, QValidator
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from rlhf_studio.settings import NOT_IN_PAPER, Option
from rlhf_studio.ui.spoken import spoken
from rlhf_studio.ui.widgets.parts import Button
from rlhf_studio.ui.widgets.text import PlainLabel, set_look, tool_tip

_LARGEST = 2_147_483_647


class SettingField(QWidget):
    """Edits one setting; an empty or wrong number counts as not changed until it is right."""

    edited = Signal(str)  # the setting's name

    def __init__(self, option: Option, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.option = option
        self.head = QWidget(self)
        self.label = PlainLabel(spoken(option.title), wraps=True)
        value = number_text(option.default)
        self.before = Button(
            self.tr("default {value} \u21ba").format(value=value), self.tr("Set this back to its default"), "inline"
        )
        self.before.setAccessibleName(
            self.tr("Set {title} back to {value}").format(title=spoken(option.title), value=value)
        )
        self.before.clicked.connect(self._on_before_clicked)
        self.source = PlainLabel(self._source(), "muted", wraps=True)
        self.source.hide()
        above = QVBoxLayout(self.head)
        above.setContentsMargins(0, 0, 0, 0)
        above.setSpacing(0)
        above.addWidget(self.label)
        above.addWidget(self.before, 0, Qt.AlignmentFlag.AlignLeft)
        above.addWidget(self.source)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.editor, self._read, self._write = self._make()
        self.editor.setAccessibleName(spoken(option.title))
        tip = tool_tip(self._help())
        for widget in (self.editor, self.label, self.source):
            widget.setToolTip(tip)
        self.label.setBuddy(self.editor)
        layout.addWidget(self.editor)
        self.set_value(option.default)

    @property
    def value(self) -> Any:
        """What is set."""
        value = self._read()
        return self.option.default if value is None else value

    @property
    def is_changed(self) -> bool:
        """Whether it differs from the default."""
        return bool(self.value != self.option.default)

    def set_value(self, value: Any) -> None:
        """Show a value."""
        self._write(value)
        self._mark()

    def reset(self) -> None:
        """Go back to the default."""
        self.set_value(self.option.default)

    def set_in_sight(self, is_shown: bool) -> None:
        """Show the editor and its name, or neither."""
        self.head.setVisible(is_shown)
        self.setVisible(is_shown)

    def show_source(self, *, is_shown: bool) -> None:
        """Show the paper's value under the name, or leave it to the tooltip."""
        self.source.setVisible(is_shown)

    def _source(self) -> str:
        """The paper's value with its section; where it is silent, where ours comes from."""
        if self.option.paper == NOT_IN_PAPER:
            return self.tr("not in the paper. {ours}").format(ours=spoken(self.option.ours)).strip()
        return self.tr("paper: {value}").format(value=self.option.source)

    def _on_before_clicked(self) -> None:
        self.reset()
        self.edited.emit(self.option.name)

    def _mark(self) -> None:
        """A changed setting is bold and tells its default, so that it is seen in a long list."""
        set_look(self.label, "heading" if self.is_changed else "")
        self.before.setVisible(self.is_changed)

    def _on_edited(self) -> None:
        self._mark()
        self.edited.emit(self.option.name)

    def _help(self) -> str:
        parts = [spoken(self.option.help)]
        if self.option.unit:
            parts.append(self.tr("Unit: {unit}.").format(unit=spoken(self.option.unit)))
        parts.append(self.tr("Default: {value}.").format(value=number_text(self.option.default)))
        parts.append(self.tr("InstructGPT: {value}.").format(value=self.option.source))
        return "\n".join(parts)

    def _make(self) -> tuple[QWidget, Callable[[], Any], Callable[[Any], None]]:
        annotation = self.option.annotation
        if annotation is bool:
            box = QCheckBox()
            box.toggled.connect(self._on_edited)
            return box, box.isChecked, box.setChecked
        if get_origin(annotation) is Literal:
            combo = QComboBox()
            combo.addItems([str(choice) for choice in get_args(annotation)])
            combo.currentIndexChanged.connect(self._on_edited)
            return combo, combo.currentText, combo.setCurrentText
        return self._number_line(whole=annotation is int) if annotation in (int, float) else self._text_line()

    def _text_line(self) -> tuple[QWidget, Callable[[], Any], Callable[[Any], None]]:
        line = QLineEdit()
        line.textEdited.connect(self._on_edited)
        return line, line.text, lambda value: line.setText(str(value))

    def _number_line(self, *, whole: bool) -> tuple[QWidget, Callable[[], Any], Callable[[Any], None]]:
        line = QLineEdit()
        bounds = self.option.bounds
        low = bounds.get("ge", bounds.get("gt", 0))
        high = bounds.get("le", bounds.get("lt", _LARGEST))
        validator: QValidator
        if whole:
            validator = QIntValidator(int(low), int(min(high, _LARGEST)), line)
        else:
            validator = QDoubleValidator(float(low), float(high), 12, line)
        validator.setLocale(QLocale.c())  # 0.5 everywhere, as in the documents and on the command line
        line.setValidator(validator)
        line.textEdited.connect(self._on_edited)

        def read() -> float | int | None:
            if not line.hasAcceptableInput():
                return None
            number = int(line.text()) if whole else float(line.text())
            return None if "gt" in bounds and number <= bounds["gt"] else number

        return line, read, lambda value: line.setText(number_text(value))


def number_text(value: Any) -> str:
    """A setting's value as a person would type it."""
    return f"{value:g}" if isinstance(value, float) else str(value)
