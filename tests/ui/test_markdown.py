"""Markdown of people and models is read, not obeyed: nothing is loaded, and nothing makes the window wait."""

import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage, QTextFormat
from PySide6.QtTest import QTest

from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.widgets import markdown
from rlhf_studio.ui.widgets.markdown import MarkdownView, bounded

MEGABYTE = 1_000_000
HOSTILE = {
    "table": "|a|b|c|\n|-|-|-|\n" + "|1|2|3|\n" * (MEGABYTE // 8),
    "wide table": "|" + "a|" * 500 + "\n|" + "-|" * 500 + "\n" + ("|" + "1|" * 500 + "\n") * 900,
    "quotes": ">" * MEGABYTE,
    "brackets": "[" * MEGABYTE,
    "stars": "*a_ " * (MEGABYTE // 4),
    "list": "- item\n" * (MEGABYTE // 7),
    "deep list": "".join("  " * depth + "- x\n" for depth in range(900)),
    "pictures": "![x](http://192.0.2.1/x.png) " * (MEGABYTE // 29),
    "one line": "word " * (MEGABYTE // 5),
    "headings": "# h\n" * (MEGABYTE // 4),
    "nothing": "\0" * MEGABYTE,
    "Chinese": "天空为什么是蓝色的。" * (MEGABYTE // 10),
}


@pytest.fixture
def view(qtbot, theme):
    view = MarkdownView(theme)
    qtbot.addWidget(view)
    view.resize(500, 400)
    view.show()
    view.show_markdown("天 😀 **warm**")  # fonts are loaded once
    view.grab()
    return view


def blocks(view):
    found, block = [], view.document().begin()
    while block.isValid():
        found.append(block)
        block = block.next()
    return found


def test_markdown_is_shown_as_it_reads(view):
    assert view.show_markdown("# Title\n\nA **bold** word.\n\n1. one\n2. two\n\n```\ncode\n```")
    assert [block.text() for block in blocks(view)] == ["Title", "A bold word.", "one", "two", "code"]
    assert blocks(view)[0].blockFormat().headingLevel() == 1
    assert blocks(view)[2].textList() is not None
    weights = [block.begin().fragment().charFormat().fontWeight() for block in blocks(view)]
    assert weights[0] > weights[1]


def test_html_stays_text(view):
    view.show_markdown("<b>not bold</b> <img src='x.png'> &lt;")
    assert "<b>not bold</b> <img src='x.png'>" in view.toPlainText()


def test_pictures_are_words_and_nothing_is_read_from_disk(view, tmp_path, monkeypatch):
    picture = QImage(200, 200, QImage.Format.Format_RGB32)
    picture.fill(QColor("red"))
    path = tmp_path / "red.png"
    assert picture.save(str(path))
    asked = []
    monkeypatch.setattr(markdown._Document, "loadResource", lambda _self, _kind, name: asked.append(name))
    monkeypatch.setattr(MarkdownView, "loadResource", lambda _self, _kind, name: asked.append(name))
    view.show_markdown(f"![a hat]({path}) and ![](file://{path}) and ![two]({path.as_uri()})")
    shown = view.grab().toImage()
    assert asked == []
    assert view.toPlainText().startswith("[a hat] and ")
    assert "[two]" in view.toPlainText()
    red = [
        (x, y)
        for x in range(0, shown.width(), 5)
        for y in range(0, shown.height(), 5)
        if shown.pixelColor(x, y) == QColor("red")
    ]
    assert red == []
    formats = [part.fragment().charFormat().objectType() for block in blocks(view) for part in block]
    assert QTextFormat.ObjectTypes.ImageObject.value not in formats


def test_links_cannot_be_followed(view):
    view.show_markdown("[a link](http://example.com)")
    assert not view.textInteractionFlags() & Qt.TextInteractionFlag.LinksAccessibleByMouse
    assert not view.textInteractionFlags() & Qt.TextInteractionFlag.LinksAccessibleByKeyboard
    assert not view.textInteractionFlags() & Qt.TextInteractionFlag.TextEditable


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_is_pasted_is_shown_at_once(name, view):
    began = time.process_time()  # of this process alone: the machine may be busy
    is_whole = view.show_markdown(HOSTILE[name])
    view.grab()
    assert time.process_time() - began < 0.5, "without bounds it takes seconds to minutes"
    assert not is_whole


def test_only_what_is_left_out_counts_as_cut():
    assert bounded("a" * markdown.MAX_CHARACTERS).is_whole
    assert bounded("a" * (markdown.MAX_CHARACTERS + 1)) == ("a" * markdown.MAX_CHARACTERS, False)
    rows = "a|b\n" * 200
    part = bounded(rows)
    assert not part.is_whole
    assert rows.startswith(part.text)
    assert part.text.count("|") == 119


def test_colours_follow_the_theme(view, theme):
    view.show_markdown("[a link](x)\n\n> quiet")

    def colours():
        return [block.begin().fragment().charFormat().foreground().color().name() for block in blocks(view)]

    light = colours()
    theme.choose("dark")
    assert light != colours()
    assert colours()[1] == theme.colours.muted
    assert view.toPlainText() == "a link\nquiet"


# --- in the Write tab


@pytest.fixture
def tab(open_write_tab, session, service, store):
    store.add_demonstration(1, "A **red** hat.", "Ada")
    tab = open_write_tab(session)
    tab.go_to(GoTo("write", prompt_id=1))
    tab.answer.focus_editor()
    return tab


def toggle(tab):
    QTest.keyClick(
        tab.answer.editor, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )


def test_the_preview_is_toggled_by_key_and_button_and_follows(tab, qtbot):
    preview = tab.answer.writing.preview
    assert not preview.isVisible()
    QTest.keyClicks(tab.answer.editor, "A **blue**")
    toggle(tab)
    assert preview.view.toPlainText() == "A blue"
    QTest.keyClicks(tab.answer.editor, " *hat*")
    qtbot.waitUntil(lambda: preview.view.toPlainText() == "A blue hat")
    assert tab.answer.preview_button.isChecked()
    assert tab.answer.text == "A **blue** *hat*"
    qtbot.mouseClick(tab.answer.preview_button, Qt.MouseButton.LeftButton)
    assert not preview.isVisible()


def test_the_preview_begins_at_the_beginning_and_stays_where_one_reads(tab, qtbot):
    tab.answer.editor.insertPlainText("# Title\n\n" + "A paragraph of some words.\n\n" * 40)
    toggle(tab)
    bar = tab.answer.writing.preview.view.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 100)
    assert bar.value() == 0
    bar.setValue(60)
    QTest.keyClicks(tab.answer.editor, "x")
    qtbot.waitUntil(lambda: tab.answer.writing.preview.view.toPlainText().endswith("x"))
    assert bar.value() == 60


def test_the_preview_lies_beside_where_there_is_room_and_below_elsewhere(tab, qtbot):
    toggle(tab)
    writing = tab.answer.writing
    qtbot.waitUntil(lambda: writing.orientation() == Qt.Orientation.Horizontal)  # there is no height for two
    tab.resize(1024, 1100)
    qtbot.waitUntil(lambda: writing.orientation() == Qt.Orientation.Vertical)
    tab.resize(1700, 1100)
    qtbot.waitUntil(lambda: writing.orientation() == Qt.Orientation.Horizontal)
    assert abs(writing.sizes()[0] - writing.sizes()[1]) <= 8


def test_saved_demonstrations_and_answers_of_models_are_read_alike(tab, service, session, qtbot):
    def page(widget):
        found = [view for view in widget.findChildren(MarkdownView) if view.isVisible()]
        return found[0].toPlainText() if found else None

    assert page(tab.answer.demonstrations) is None
    toggle(tab)
    qtbot.waitUntil(lambda: page(tab.answer.demonstrations) == "A red hat.")  # laid out
    QTest.keyClick(tab.answer.editor, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    service.answer(service.asked[0], "A *green* hat.")
    session.poll_answers()
    assert page(tab.answer.model_answer) == "A green hat."
    toggle(tab)
    assert page(tab.answer.model_answer) is None
    assert tab.answer.model_answer.text.isVisible()
    QTest.mouseClick(tab.answer.model_answer.use, Qt.MouseButton.LeftButton)
    assert tab.answer.text == "A *green* hat."


def test_a_long_answer_says_that_its_preview_is_cut_and_the_choice_is_remembered(tab, session, open_write_tab):
    toggle(tab)
    tab.answer.editor.insertPlainText("- x\n" * 400)
    preview = tab.answer.writing.preview
    preview.render_now()
    assert preview.note.isVisible()
    tab.answer.editor.selectAll()
    tab.answer.editor.insertPlainText("short")
    preview.render_now()
    assert not preview.note.isVisible()
    assert open_write_tab(session).answer.writing.preview.isVisible()
