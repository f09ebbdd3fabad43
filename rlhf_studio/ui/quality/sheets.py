"""The three pages: duplicates, prompts per author, splits."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QTreeWidgetItem, QWidget

from rlhf_studio.schema import SPLITS
from rlhf_studio.store.quality import AUTHOR_CAP, AuthorExcess, DuplicateGroup, SplitCheck, surplus_of
from rlhf_studio.store.splits import MAX_PREFIX, MIN_PREFIX, PREFIX_LENGTH
from rlhf_studio.ui.itemmodels.prompts import one_line
from rlhf_studio.ui.prompts.words import split_word
from rlhf_studio.ui.quality.sheet import SHOWN, Sheet, line
from rlhf_studio.ui.widgets.parts import Button
from rlhf_studio.ui.widgets.text import tool_tip

_MOST = 10**9
_CHARACTERS = 160  # of a prompt in the list


class DuplicateSheet(Sheet):
    """Groups of prompts that begin alike; one of each stays."""

    delete_requested = Signal(object)  # tuple[int, ...]: ids of prompts

    def __init__(self, length: int, parent: QWidget | None = None) -> None:
        super().__init__(
            self.tr(
                "InstructGPT left out prompts that share a long common prefix and names no length; {length} characters "
                "are ours. Letter case, width and spacing make no difference. A labeled prompt stays before others, "
                "then the oldest."
            ).format(length=PREFIX_LENGTH),
            (self.tr("Prompt"), self.tr("Author"), self.tr("Split"), self.tr("Prompts")),
            self.tr("Groups of duplicates"),
            parent,
        )
        self.length = self.number(
            self.tr("Characters alike"),
            self.tr("How many characters prompts have in common from their beginning, the speaker's name included"),
            MIN_PREFIX,
            MAX_PREFIX,
            length,
        )
        self.settings.addStretch(1)
        self.some = Button(self.tr("Delete others of this group"), self.tr("Keep one prompt of the chosen group"))
        self.all = Button(self.tr("Delete duplicates"), self.tr("Keep one prompt of every group"), "danger")
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.some)
        self.buttons.addWidget(self.all)
        self._groups: Sequence[DuplicateGroup] = ()
        self._can_write = False
        for button in (self.some, self.all):
            button.setEnabled(False)  # until something was found
        self.list.currentItemChanged.connect(self._on_current_changed)
        self.some.clicked.connect(self._on_some_clicked)
        self.all.clicked.connect(self._on_all_clicked)

    def show_groups(self, groups: Sequence[DuplicateGroup], *, can_write: bool) -> None:
        """Show what was found."""
        self._groups, self._can_write = groups, can_write
        self.list.clear()
        for group in groups[:SHOWN]:
            self._add(group)
        surplus = surplus_of(groups)
        words = self.tr("Groups of duplicates: {groups}. Prompts to delete: {surplus}.")
        self.result.setText(
            words.format(groups=f"{len(groups):,}", surplus=f"{len(surplus):,}")
            if groups
            else self.tr("No two prompts begin alike.")
        )
        self.all.setText(self.tr("Delete duplicates ({count})").format(count=f"{len(surplus):,}"))
        self.all.setAccessibleName(self.all.text())
        self.all.setEnabled(can_write and bool(surplus))
        self._on_current_changed()

    def _add(self, group: DuplicateGroup) -> None:
        first = group.prompts[0]
        text = one_line(first.text)[:_CHARACTERS]
        top = line(self.list, (text, "", "", str(len(group.prompts))), tool_tip(first.text[:2000]))
        for prompt in group.prompts:
            fate = self.tr("stays") if prompt.is_kept else self.tr("goes")
            words = (one_line(prompt.text)[:_CHARACTERS], prompt.author, split_word(prompt.split), fate)
            line(top, words, tool_tip(prompt.text[:2000]))

    def _chosen(self) -> DuplicateGroup | None:
        item: QTreeWidgetItem | None = self.list.currentItem()
        if item is None:
            return None
        place = self.list.indexOfTopLevelItem(item.parent() or item)
        return self._groups[place] if 0 <= place < len(self._groups) else None

    def _on_current_changed(self) -> None:
        self.some.setEnabled(bool(self._groups) and self._can_write and self._chosen() is not None)

    def _on_some_clicked(self) -> None:
        group = self._chosen()
        if group is not None:
            self.delete_requested.emit(group.surplus)

    def _on_all_clicked(self) -> None:
        self.delete_requested.emit(surplus_of(self._groups))


class AuthorSheet(Sheet):
    """Authors with more prompts than the cap."""

    delete_requested = Signal(object)  # tuple[int, ...]: ids of prompts

    def __init__(self, cap: int, parent: QWidget | None = None) -> None:
        super().__init__(
            self.tr(
                "InstructGPT took at most {cap} prompts of one user. Labeled prompts stay first; which of the others "
                "do is drawn by chance. Prompts without an author are not counted."
            ).format(cap=AUTHOR_CAP),
            (self.tr("Author"), self.tr("Prompts"), self.tr("Above the cap")),
            self.tr("Authors above the cap"),
            parent,
        )
        self.cap = self.number(
            self.tr("Prompts of one author"), self.tr("How many are enough; 0 is no limit"), 0, _MOST, cap
        )
        self.seed = self.number(self.tr("Seed"), self.tr("Another one draws others that stay"), 0, _MOST, 0)
        self.settings.addStretch(1)
        self.all = Button(self.tr("Delete prompts"), self.tr("Delete what is above the cap"), "danger")
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.all)
        self._surplus: tuple[int, ...] = ()
        self.all.setEnabled(False)
        self.list.setRootIsDecorated(False)
        self.all.clicked.connect(self._on_all_clicked)

    def show_authors(self, authors: Sequence[AuthorExcess], *, can_write: bool) -> None:
        """Show what was found."""
        self.list.clear()
        for one in authors[:SHOWN]:
            line(self.list, (one.author, f"{one.prompts:,}", f"{len(one.surplus):,}"), tool_tip(one.author))
        self._surplus = surplus_of(authors)
        words = self.tr("Authors above the cap: {authors}. Prompts to delete: {surplus}.")
        nobody = self.tr("There is no limit.") if not self.cap.value() else self.tr("Nobody has more.")
        self.result.setText(
            words.format(authors=f"{len(authors):,}", surplus=f"{len(self._surplus):,}") if authors else nobody
        )
        self.all.setText(self.tr("Delete prompts ({count})").format(count=f"{len(self._surplus):,}"))
        self.all.setAccessibleName(self.all.text())
        self.all.setEnabled(can_write and bool(self._surplus))

    def _on_all_clicked(self) -> None:
        self.delete_requested.emit(self._surplus)


class SplitSheet(Sheet):
    """Authors whose prompts lie in two splits."""

    mend_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            self.tr(
                "InstructGPT splits by user, so that nobody who is trained on is tested on. With fewer than ten "
                "authors, near duplicates share a split instead. A file that gives splits can tear an author apart."
            ),
            (self.tr("Author"), *(split_word(split) for split in SPLITS)),
            self.tr("Authors in two splits"),
            parent,
        )
        self.mend = Button(
            self.tr("Put each into one split"), self.tr("Each goes where most of their prompts are; can be undone")
        )
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.mend)
        self.mend.setEnabled(False)
        self.list.setRootIsDecorated(False)
        self.mend.clicked.connect(self.mend_requested)

    def show_check(self, check: SplitCheck, *, can_write: bool) -> None:
        """Show what was found."""
        self.list.clear()
        torn = list(check.torn.items()) if check.is_by_author else []
        for author, splits in torn[:SHOWN]:
            line(self.list, (author, *(f"{splits.get(split, 0):,}" for split in SPLITS)), tool_tip(author))
        self.result.setText(self._in_words(check, len(torn)))
        self.mend.setEnabled(can_write and bool(torn))

    def _in_words(self, check: SplitCheck, torn: int) -> str:
        if not check.is_by_author:
            words = self.tr("Authors: {count}. With fewer than ten, splits go by the text of prompts.")
            return words.format(count=check.authors)
        if not torn:
            return self.tr("Each of {count} authors lies in one split.").format(count=f"{check.authors:,}")
        words = self.tr("Authors in two splits or more: {torn} of {count}.")
        return words.format(torn=f"{torn:,}", count=f"{check.authors:,}")
