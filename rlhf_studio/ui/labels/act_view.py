"""Right of the history: one label with its prompt, its answers and its versions, and what can be done with it."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from rlhf_studio.schema import Completion, Ranking, Turn
from rlhf_studio.store.history import LabelAct
from rlhf_studio.store.ratings import Rating
from rlhf_studio.ui.labels.words import headline, marks, when
from rlhf_studio.ui.rank.flag_words import rating_text, rating_tip
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, Tag, row
from rlhf_studio.ui.widgets.text import PlainLabel, tool_tip
from rlhf_studio.ui.write.conversation import ConversationView, ReadingBox

_PROMPT_PX = 160
_ANSWER_PX = 280


class ActView(QWidget):
    """Shows one act; the buttons tell what a person wants done with it."""

    edit_wanted = Signal()
    take_back_wanted = Signal()
    restore_wanted = Signal()
    version_wanted = Signal(str, int)  # kind and id of another version

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._store = session.store
        self.act: LabelAct | None = None
        self.title = PlainLabel("", "title")
        self.about = PlainLabel("", "muted", wraps=True)
        self.note = PlainLabel("", "", wraps=True)
        self.prompt = ConversationView(session.theme)
        self.prompt.set_limit(_PROMPT_PX)
        self.body = QWidget()
        self.body.setProperty("look", "page")
        self._body = QVBoxLayout(self.body)
        self._body.setContentsMargins(0, 0, GRID, 0)
        self._body.setSpacing(GRID)
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.body)
        self._scroll.setWidgetResizable(True)
        self._scroll.setAccessibleName(self.tr("Answers and earlier versions"))
        self._make_buttons()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(row(self.title, None, self.edit, self.take_back, self.restore))
        for widget in (self.about, self.note, self.prompt):
            layout.addWidget(widget)
        layout.addWidget(self._scroll, 1)

    def show_act(self, act: LabelAct) -> None:
        """Show a label as it stands now.

        Raises:
            StudioError: If the project cannot be read.
        """
        is_another = self.act is None or (self.act.kind, self.act.id) != (act.kind, act.id)
        self.act = act
        self.title.setText(headline(act))
        self.about.setText(" · ".join((act.who or self.tr("(no name)"), when(act.created), *marks(act))))
        self.note.setText(act.note)
        self.note.setVisible(bool(act.note))
        is_gone = act.is_prompt_deleted  # the store gives it out no more; its last turn is known
        self.prompt.show_turns((Turn("user", act.prompt),) if is_gone else self._store.prompt(act.prompt_id).turns)
        self._fill(act)
        self._update_buttons(act)
        if is_another:  # one that was read again stays where one reads
            self._scroll.verticalScrollBar().setValue(0)

    # --- the body

    def _fill(self, act: LabelAct) -> None:
        while (item := self._body.takeAt(0)) is not None:
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        if act.kind == "demonstration":
            self._fill_demonstration(act)
        elif act.kind == "ranking":
            self._fill_ranking(act)
        elif act.set_id is not None and not act.is_prompt_deleted:
            answers = self._store.set_answers(act.set_id)
            self._add_answers([(str(place), answer) for place, answer in enumerate(answers, start=1)], None)
        self._body.addStretch(1)

    def _fill_demonstration(self, act: LabelAct) -> None:
        demonstration = self._store.demonstration(act.id)
        made_of = [self.tr("made of an answer by {model}").format(model=demonstration.model)]
        self._body.addWidget(
            AnswerBox(demonstration.text, self.tr("Demonstration"), tags=made_of if demonstration.model else ())
        )
        older = self._store.demonstration_versions(act.id)[1:]
        self._add_versions("demonstration", [(version.id, version.text) for version in older])

    def _fill_ranking(self, act: LabelAct) -> None:
        ranking = self._store.ranking(act.id)
        by_id = {answer.id: answer for answer in self._store.completions(act.prompt_id)}
        ranked = [
            (f"{place}.", by_id[completion_id])
            for place, tier in enumerate(ranking.tiers, start=1)
            for completion_id in tier
        ]
        self._add_answers(ranked, ranking)
        versions = self._store.ranking_versions(act.id)[1:]
        self._add_versions("ranking", [(version.id, order_text(version)) for version in versions])

    def _add_answers(self, ranked: Sequence[tuple[str, Completion]], ranking: Ranking | None) -> None:
        ratings: dict[int, list[Rating]] = {}
        for rating in self._store.ratings([answer.id for _, answer in ranked]):
            ratings.setdefault(rating.completion_id, []).append(rating)
        shown = {completion_id: place for place, completion_id in enumerate(ranking.shown_order, 1)} if ranking else {}
        tied = {i for tier in ranking.tiers if len(tier) > 1 for i in tier} if ranking else set()
        for rank, answer in ranked:
            tags = [answer.model] if answer.model else []
            if answer.id in shown:
                tags.append(self.tr("was shown as {place}").format(place=shown[answer.id]))
            if answer.id in tied:
                tags.append(self.tr("tied"))
            self._body.addWidget(AnswerBox(answer.text, rank, tags=tags, ratings=ratings.get(answer.id, ())))

    def _add_versions(self, kind: str, versions: Sequence[tuple[int, str]]) -> None:
        """What was said before, newest first; each can be looked at."""
        if not versions:
            return
        self._body.addWidget(PlainLabel(self.tr("Earlier versions"), "heading"))
        for version_id, text in versions:
            act = self._store.label_act("demonstration" if kind == "demonstration" else "ranking", version_id)
            if act is not None:
                line = VersionLine(act, text, self._session.theme)
                line.wanted.connect(self.version_wanted)
                self._body.addWidget(line)

    # --- the buttons

    def _make_buttons(self) -> None:
        theme = self._session.theme
        self.edit = Button(self.tr("Edit"), "", "primary", "mdi6.pencil-outline", theme)
        tip = self.tr("Let this label count no more; it stays in the history")
        self.take_back = Button(self.tr("Take back"), tip, "", "mdi6.undo-variant", theme, self.tr("Delete"))
        self.restore = Button(self.tr("Restore"), "", "", "mdi6.restore", theme)
        self.edit.clicked.connect(self.edit_wanted)
        self.take_back.clicked.connect(self.take_back_wanted)
        self.restore.clicked.connect(self.restore_wanted)

    def _update_buttons(self, act: LabelAct) -> None:
        is_label = act.kind in {"demonstration", "ranking"}
        is_live = act.state == "live"
        is_writable = not self._store.is_read_only
        self.edit.setText(self.tr("Edit") if is_label else self.tr("Rank it now"))
        self.edit.setAccessibleName(self.edit.text())
        obstacle = self._edit_obstacle(act)
        self.edit.setEnabled(is_writable and not obstacle)
        tip = self.tr("Correct this label; the version there is stays in the history (Enter)")
        self.edit.setToolTip(obstacle or (tip if is_label else self.tr("Show these answers in Rank (Enter)")))
        self.take_back.setVisible(is_label and is_live)
        self.take_back.setEnabled(is_writable)
        self.restore.setVisible(is_label and not is_live)
        obstacle = restore_obstacle(act)
        self.restore.setEnabled(is_writable and not obstacle)
        self.restore.setToolTip(obstacle or self.tr("Let this label count again (Delete)"))

    def _edit_obstacle(self, act: LabelAct) -> str:
        if act.is_prompt_deleted:
            return self.tr("The prompt of this label was deleted. Bring it back in Prompts, or undo that.")
        if act.kind in {"unrankable", "skipped"}:
            return "" if act.state == "live" else self.tr("Something else was said of these answers since.")
        if act.state != "live":
            return self.tr("This label does not count any more. Restore it, or edit the version that counts.")
        if act.is_simulated:
            return self.tr("A script made this ranking. Take it back and rank answers to this prompt yourself.")
        if act.kind == "ranking" and act.set_id is None:
            return self.tr("This ranking was imported without the set it was made of, so it cannot be shown in Rank.")
        return ""


class AnswerBox(Card):
    """One text with what is to be said of it."""

    def __init__(self, text: str, rank: str, *, tags: Sequence[str] = (), ratings: Sequence[Rating] = ()) -> None:
        super().__init__("card")
        self.body.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        self.body.setSpacing(4)
        badges = [Tag(tag) for tag in tags]
        for rating in ratings:
            words = f"{rating.labeler}: {rating_text(rating)}" if rating.labeler else rating_text(rating)
            badges.append(Tag(words, tool_tip(rating_tip(rating))))
        self.body.addLayout(row(PlainLabel(rank, "heading"), *badges, None))
        box = ReadingBox(text or self.tr("(an empty answer)"), is_flat=True)
        box.setAccessibleName(f"{rank} {', '.join(tags)}")
        box.set_limit(_ANSWER_PX)
        self.body.addWidget(box)


class VersionLine(QWidget):
    """An earlier version: what it said, by whom and when, and a button that shows it."""

    wanted = Signal(str, int)

    def __init__(self, act: LabelAct, text: str, theme: Theme) -> None:
        super().__init__()
        self._act = act
        words = PlainLabel(" ".join(text.split())[:160], wraps=True)
        by = PlainLabel(f"{act.who}, {when(act.created)}", "muted")
        show = Button(self.tr("Show"), self.tr("Show this version"), "inline", theme=theme)
        show.setAccessibleName(self.tr("Show the version by {who}").format(who=by.text()))
        show.clicked.connect(self._on_show_clicked)
        layout = row(words, by, show)
        layout.setStretch(0, 1)
        self.setLayout(layout)

    def _on_show_clicked(self) -> None:
        self.wanted.emit(self._act.kind, self._act.id)


def order_text(ranking: Ranking) -> str:
    """``2 > 4 = 1 > 3``, by the digits that the answers had when they were ranked."""
    place = {completion_id: str(place) for place, completion_id in enumerate(ranking.shown_order, start=1)}
    return " > ".join(" = ".join(place.get(i, f"#{i}") for i in tier) for tier in ranking.tiers)


def restore_obstacle(act: LabelAct) -> str:
    """Why a label cannot count again; empty where it can."""
    if act.is_prompt_deleted:
        return QCoreApplication.translate("ActView", "The prompt of this label was deleted. Bring it back first.")
    if act.state == "replaced":
        return QCoreApplication.translate("ActView", "A newer version of it counts. Take that back, or undo the edit.")
    if act.state == "taken_back" and act.is_set_ranked:
        return QCoreApplication.translate(
            "ActView", "These answers were ranked again since. Take that ranking back first."
        )
    return ""
