"""One editor for each kind of setting, made from its declaration."""

from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from PySide6.QtCore import QLocale, Signal
from PySide6.QtGui import QDoubleValidator, QIntValidator, QValidator
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from rlhf_studio.settings import Option
from rlhf_studio.ui.spoken import spoken
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
        self.before = PlainLabel(self.tr("default {value}").format(value=number_text(option.default)), "muted")
        above = QVBoxLayout(self.head)
        above.setContentsMargins(0, 0, 0, 0)
        above.setSpacing(0)
        above.addWidget(self.label)
        above.addWidget(self.before)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.editor, self._read, self._write = self._make()
        self.editor.setAccessibleName(spoken(option.title))
        tip = tool_tip(self._help())
        for widget in (self.editor, self.label):
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
        parts.append(self.tr("InstructGPT: {value}.").format(value=self.option.paper))
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
