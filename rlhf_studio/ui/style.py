"""The style sheet: quiet chrome, one accent, a focus ring that is always seen. Sizes on a grid of 8 pixels.

Widgets choose a look by the dynamic properties ``look`` ("primary", "quiet", "danger", "card", "chip", "title",
"muted", "reading", "tag") so that no widget writes colours of its own.
"""

from collections.abc import Mapping
from string import Template

from rlhf_studio.paths import resources_dir

_SHEET = Template("""
QToolTip { background: $surface; color: $text; border: 1px solid $border; padding: 4px 8px; }
QPushButton, QToolButton[look="button"], QComboBox, QSpinBox, QDoubleSpinBox, QLineEdit {
    background: $surface; border: 1px solid $border; border-radius: 6px; padding: 4px 8px; min-height: 22px; }
QComboBox[look="chosen"] { border-color: $accent; background: $selection; font-weight: 600; }
QComboBox::drop-down { border: none; width: 24px; }
QComboBox::down-arrow { image: url($icons/down.svg); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: $surface; border: 1px solid $border; selection-background-color: $selection;
    selection-color: $text; }
QSpinBox, QDoubleSpinBox { padding: 4px 24px 4px 8px; }
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button {
    subcontrol-origin: border; border: none; width: 22px; background: transparent; }
QSpinBox::up-button, QDoubleSpinBox::up-button { subcontrol-position: top right; }
QSpinBox::down-button, QDoubleSpinBox::down-button { subcontrol-position: bottom right; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url($icons/up.svg); width: 10px; height: 10px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url($icons/down.svg); width: 10px; height: 10px; }
QComboBox QLineEdit, QComboBox QLineEdit:focus { border: none; padding: 0; min-height: 0; background: transparent; }
QRadioButton::indicator { width: 12px; height: 12px; border: 1px solid $muted; border-radius: 7px;
    background: $surface; }
QRadioButton::indicator:checked { width: 6px; height: 6px; border: 4px solid $accent; }
QRadioButton:focus { color: $accent; }
QPushButton { padding: 4px 16px; }
QPushButton:hover, QToolButton[look="button"]:hover, QComboBox:hover { background: $raised; border-color: $muted; }
QPushButton:pressed { background: $selection; }
QPushButton:disabled, QComboBox:disabled, QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled {
    background: $window; border-color: $border; }
QPushButton:focus, QToolButton:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus, QLineEdit:focus,
QPlainTextEdit:focus, QTextEdit:focus, QListView:focus, QTreeView:focus, QTableView:focus,
QFrame[look="card"]:focus, QFrame[look="placed"]:focus {
    border: 2px solid $accent; }
QPushButton:focus { padding: 3px 15px; outline: none; }
QPushButton[look="primary"] { background: $accent; color: $accent_text; border: 1px solid $accent; font-weight: 600; }
QPushButton[look="primary"]:hover { border-color: $text; }
QPushButton[look="primary"]:focus { border: 2px solid $text; }
QPushButton[look="primary"]:disabled { background: $border; color: $muted; border-color: $border; }
QPushButton[look="danger"] { color: $danger; border-color: $danger; }
QPushButton[look="quiet"], QToolButton { background: transparent; border: 1px solid transparent; border-radius: 6px;
    padding: 4px 8px; }
QPushButton[look="quiet"]:hover, QToolButton:hover { background: $selection; }
QPushButton[look="quiet"]:checked { background: $selection; }
QPushButton[look="quiet"]:focus, QToolButton:focus { border: 2px solid $accent; padding: 3px 7px; }
QToolButton[look="foot"] { border-radius: 4px; padding: 1px 20px 1px 6px; }
QToolButton[look="foot"]:focus { padding: 0 19px 0 5px; }
QToolButton[look="foot"]::menu-indicator { image: url($icons/down.svg); width: 10px; height: 10px;
    subcontrol-origin: padding; subcontrol-position: right center; right: 5px; }
QPushButton[look="link"] { background: transparent; border: 1px solid transparent; padding: 4px 8px; color: $accent;
    font-weight: 600; }
QPushButton[look="inline"] { background: transparent; border: 1px solid transparent; border-radius: 4px; padding: 0 2px;
    min-height: 16px; color: $accent; }
QPushButton[look="inline"]:hover { background: $selection; }
QPushButton[look="inline"]:focus { border: 2px solid $accent; padding: 0 1px; }
QPushButton[look="inline"]:disabled { background: transparent; border-color: transparent; }
QPushButton[look="link"]:hover { background: $selection; }
QPushButton[look="link"]:focus { border: 2px solid $accent; padding: 3px 7px; }
QPushButton[look="chip"] { border-radius: 13px; padding: 2px 12px; min-height: 22px; }
QPushButton[look="chip"]:focus { padding: 1px 11px; }
QPushButton[look="chip"]:checked { background: $selection; border-color: $accent; font-weight: 600; }
QFrame[look="card"] { background: $surface; border: 1px solid $border; border-radius: 8px; }
QFrame[look="raised"] { background: $raised; border: 1px solid $border; border-radius: 8px; }
QFrame[look="placed"] { background: $surface; border: 1px solid $border; border-radius: 8px; }
QFrame[look="well"] { background: $window; border: 1px solid $border; border-radius: 8px; }
QFrame[look="marked"] { background: $raised; border: 3px solid $accent; border-radius: 8px; }
QFrame[look="toast"] { background: $text; border-radius: 8px; }
QFrame[look="toast"] QLabel { color: $surface; background: transparent; }
QFrame[look="toast"] QPushButton { color: $surface; background: transparent; border: 1px solid $surface; }
QFrame[look="toast"] QPushButton[look="quiet"] { border-color: transparent; padding: 4px; }
QFrame[look="toast"] QPushButton:focus { border: 2px solid $surface; }
QFrame[look="bar"] { background: $surface; border: none; border-top: 1px solid $border; }
QLabel[look="title"] { font-size: ${title_px}px; font-weight: 600; }
QLabel[look="heading"] { font-weight: 600; }
QLabel[look="muted"] { color: $muted; }
QLabel[look="danger"] { color: $danger; }
QLabel[look="success"] { color: $success; }
QLabel[look="warning"] { color: $warning; }
QLabel[look="tag"] { color: $muted; border: 1px solid $border; border-radius: 4px; padding: 0px 6px; }
QLabel[look="number"] { font-size: ${title_px}px; font-weight: 600; }
QLabel[look="digit"] { font-size: ${digit_px}px; font-weight: 700; }
QLabel[look="rank"] { background: $accent; color: $accent_text; border-radius: 4px; padding: 1px 8px;
    font-weight: 600; }
QLabel[look="reading"], QPlainTextEdit[look="reading"], QTextEdit[look="reading"] { font-size: ${reading_px}px; }
QPlainTextEdit, QTextEdit, QListView, QTreeView, QTableView {
    background: $surface; border: 1px solid $border; border-radius: 6px; padding: 2px;
    selection-background-color: $selection; selection-color: $text; }
QPlainTextEdit[readOnly="true"] { background: $raised; }
QPlainTextEdit[flat="true"], QTextEdit[flat="true"] { background: transparent; border: 2px solid transparent;
    padding: 0; }
QPlainTextEdit[flat="true"]:focus, QTextEdit[flat="true"]:focus { border-color: $accent; }
QListView::item:selected, QTreeView::item:selected, QTableView::item:selected { background: $selection; color: $text; }
QTableView[look="rows"]::item { padding: 0 5px; }
QTreeView::item { padding: 3px 0; }
QListView::item:hover, QTreeView::item:hover { background: $raised; }
QHeaderView::section { background: $raised; color: $muted; border: none; border-bottom: 1px solid $border;
    padding: 4px 8px; }
QTabWidget::pane { border: none; border-top: 1px solid $border; }
QTabBar { qproperty-drawBase: 0; }
QTabBar::tab { padding: 8px 16px; margin: 0; border: none; border-bottom: 2px solid transparent; color: $muted;
    background: transparent; }
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; font-weight: 600; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:focus { background: $selection; }
QScrollArea { border: none; background: transparent; }
QScrollArea > QWidget > QWidget[look="page"] { background: transparent; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: $border; border-radius: 4px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSplitter::handle { background: transparent; }
QProgressBar { border: none; border-radius: 3px; background: $border; min-height: 6px; max-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QStatusBar { background: $surface; border-top: 1px solid $border; }
QStatusBar::item { border: none; }
QMenuBar { background: $window; border: none; }
QMenuBar::item:selected, QMenu::item:selected { background: $selection; color: $text; }
QMenu { background: $surface; border: 1px solid $border; }
QGroupBox { border: 1px solid $border; border-radius: 6px; margin-top: 0.8em; padding-top: 0.8em; }
QGroupBox::title { subcontrol-origin: margin; left: 8px; padding: 0 4px; color: $muted; }
""")


def style_sheet(colours: Mapping[str, str], reading_px: int) -> str:
    """The whole sheet in the given colours.

    Args:
        colours: ``#rrggbb`` by the names of ``theme.Colours``.
        reading_px: Size of prompts and answers.
    """
    icons = (resources_dir() / "icons").as_posix()
    sizes = {"reading_px": reading_px, "title_px": round(reading_px * 1.25), "digit_px": round(reading_px * 1.75)}
    return _SHEET.substitute(colours, icons=icons, **sizes)
