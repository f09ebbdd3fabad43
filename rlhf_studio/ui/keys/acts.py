"""The acts of every tab that have a key, in the order in which the overlay tells them.

The window's own acts are the entries of its menus, which declare themselves (``ui.actions``).
"""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

CONTEXT = "Keys"  # of the file of translations
WINDOW = "window"  # the scope whose keys work in every tab


def QT_TRANSLATE_NOOP(_context: str, text: str) -> str:  # noqa: N802  the name that lupdate looks for
    """Mark a text for translation where it is written, not where it is shown; Qt's own is not typed."""
    return text


@dataclass(frozen=True, slots=True)
class Act:
    """Something a person can do by key.

    Attributes:
        name: Stable id, scope first: "rank.skip", "window.undo". Preferences keep it.
        words: What it does, in English, marked for translation; or translated already.
        keys: Chords it has by default, as portable text; Return stands for both Enter keys.
        part: Where in its tab it is heard, if not everywhere: acts of two parts may share a chord.
        is_pressed: It hears only keys that no field took, so signs and named keys need no Ctrl.
        fixed: What is printed for keys that cannot be changed, marked for translation; empty where they can.
    """

    name: str
    words: str
    keys: tuple[str, ...] = ()
    part: str = ""
    is_pressed: bool = False
    fixed: str = ""

    @property
    def scope(self) -> str:
        """A tab's name, or "window"."""
        return self.name.partition(".")[0]

    @property
    def what(self) -> str:
        """What it does, in the language of the window."""
        return QCoreApplication.translate(CONTEXT, self.words)


_DIGITS = tuple("123456789")

ACTS = (
    Act("prompts.search", QT_TRANSLATE_NOOP("Keys", "Search prompts"), ("Ctrl+F",)),
    Act("prompts.new", QT_TRANSLATE_NOOP("Keys", "New prompt"), ("Ctrl+N",)),
    Act("prompts.rank", QT_TRANSLATE_NOOP("Keys", "Rank answers to the prompt"), ("Ctrl+R",)),
    Act("prompts.tag", QT_TRANSLATE_NOOP("Keys", "Add a tag to the chosen prompts"), ("Ctrl+T",)),
    Act(
        "prompts.open",
        QT_TRANSLATE_NOOP("Keys", "Answer the prompt in Write"),
        ("Return",),
        part="list",
        fixed=QT_TRANSLATE_NOOP("Keys", "Enter"),
    ),
    Act(
        "prompts.all",
        QT_TRANSLATE_NOOP("Keys", "Choose all prompts that fit the filters"),
        ("Ctrl+A",),
        part="list",
        fixed="Ctrl+A",
    ),
    Act("prompts.copy", QT_TRANSLATE_NOOP("Keys", "Copy the chosen prompts"), ("Ctrl+C",), part="list", fixed="Ctrl+C"),
    Act(
        "prompts.delete",
        QT_TRANSLATE_NOOP("Keys", "Delete the chosen prompts; undo brings them back"),
        ("Del",),
        part="list",
        fixed=QT_TRANSLATE_NOOP("Keys", "Delete"),
    ),
    Act("write.save", QT_TRANSLATE_NOOP("Keys", "Save the answer and go to the next prompt"), ("Ctrl+Return",)),
    Act(
        "write.skip",
        QT_TRANSLATE_NOOP("Keys", "Skip: the next prompt without saving; the draft stays"),
        ("Ctrl+Shift+Return",),
    ),
    Act("write.next", QT_TRANSLATE_NOOP("Keys", "Next prompt of the list"), ("Alt+Down",)),
    Act("write.previous", QT_TRANSLATE_NOOP("Keys", "Previous prompt of the list"), ("Alt+Up",)),
    Act("write.search", QT_TRANSLATE_NOOP("Keys", "Search prompts"), ("Ctrl+F",)),
    Act("write.new", QT_TRANSLATE_NOOP("Keys", "New prompt"), ("Ctrl+N",)),
    Act("write.ask", QT_TRANSLATE_NOOP("Keys", "Ask the model, or ask it again"), ("Ctrl+M",)),
    Act("write.guidance", QT_TRANSLATE_NOOP("Keys", "Show or hide the guidance"), ("Ctrl+G",)),
    Act(
        "write.preview",
        QT_TRANSLATE_NOOP("Keys", "Read answers as Markdown, or as they were written"),
        ("Ctrl+Shift+M",),
    ),
    Act(
        "write.edit",
        QT_TRANSLATE_NOOP("Keys", "Edit the newest demonstration of this prompt, or stop editing"),
        ("Ctrl+E",),
    ),
    Act("write.history", QT_TRANSLATE_NOOP("Keys", "History of the newest demonstration"), ("Ctrl+H",)),
    Act("write.leave", QT_TRANSLATE_NOOP("Keys", "From the editor to the list"), ("Esc",), part="editor", fixed="Esc"),
    Act(
        "write.enter",
        QT_TRANSLATE_NOOP("Keys", "From the list to the editor"),
        ("Return",),
        part="list",
        fixed=QT_TRANSLATE_NOOP("Keys", "Enter"),
    ),
    Act(
        "write.cancel", QT_TRANSLATE_NOOP("Keys", "Leave the new prompt; its text stays"), ("Esc",), "form", fixed="Esc"
    ),
    Act(
        "rank.place",
        QT_TRANSLATE_NOOP("Keys", "Place an answer, best first; the last one is filled in"),
        _DIGITS,
        is_pressed=True,
        fixed=QT_TRANSLATE_NOOP("Keys", "1 to 9"),
    ),
    Act("rank.tie", QT_TRANSLATE_NOOP("Keys", "Tie the next answer with the one before"), ("=",), is_pressed=True),
    Act("rank.submit", QT_TRANSLATE_NOOP("Keys", "Submit the order"), ("Return",), is_pressed=True),
    Act("rank.back", QT_TRANSLATE_NOOP("Keys", "Take the last key or move back"), ("Backspace",), is_pressed=True),
    Act(
        "rank.bad",
        QT_TRANSLATE_NOOP("Keys", "Of two answers: 1 or 2 is better, both are as good, or both are bad, without Enter"),
        ("0",),
        is_pressed=True,
        fixed="1, 2, =, 0",
    ),
    Act("rank.sure1", QT_TRANSLATE_NOOP("Keys", "The order is a guess"), ("Alt+1",)),
    Act("rank.sure2", QT_TRANSLATE_NOOP("Keys", "Fairly sure of the order"), ("Alt+2",)),
    Act("rank.sure3", QT_TRANSLATE_NOOP("Keys", "Sure of the order"), ("Alt+3",)),
    Act("rank.note", QT_TRANSLATE_NOOP("Keys", "Write a note; Escape leaves it"), ("Ctrl+E",)),
    Act("rank.differences", QT_TRANSLATE_NOOP("Keys", "Mark what differs between the answers"), ("Ctrl+D",)),
    Act("rank.columns", QT_TRANSLATE_NOOP("Keys", "Show the ranks as columns to drag answers between"), ("Ctrl+B",)),
    Act(
        "rank.scroll",
        QT_TRANSLATE_NOOP("Keys", "Scroll the answers"),
        ("Up", "Down", "PgUp", "PgDown", "Home", "End"),
        is_pressed=True,
        fixed=QT_TRANSLATE_NOOP("Keys", "Up, Down, PgUp, PgDn"),
    ),
    Act(
        "rank.choose",
        QT_TRANSLATE_NOOP("Keys", "Place the answer whose card has the keyboard"),
        ("Space",),
        is_pressed=True,
    ),
    Act(
        "rank.up",
        QT_TRANSLATE_NOOP("Keys", "Move the answer up whose card has the keyboard"),
        ("Alt+Up", "Alt+Left"),
        is_pressed=True,
    ),
    Act(
        "rank.down",
        QT_TRANSLATE_NOOP("Keys", "Move the answer down whose card has the keyboard"),
        ("Alt+Down", "Alt+Right"),
        is_pressed=True,
    ),
    Act("rank.reroll", QT_TRANSLATE_NOOP("Keys", "Sample the answer anew whose card has the keyboard"), ("Ctrl+R",)),
    Act("rank.unrankable", QT_TRANSLATE_NOOP("Keys", "These answers cannot be ranked"), ("Ctrl+U",)),
    Act("rank.skip", QT_TRANSLATE_NOOP("Keys", "Skip this set"), ("Ctrl+Right",)),
    Act(
        "rank.rate",
        QT_TRANSLATE_NOOP("Keys", "Rating: overall quality, and on to the next answer"),
        fixed=QT_TRANSLATE_NOOP("Keys", "1 to 7"),
    ),
    Act(
        "rank.flag",
        QT_TRANSLATE_NOOP("Keys", "Rating: a flag holds, or does not"),
        fixed=QT_TRANSLATE_NOOP("Keys", "Alt+1 to Alt+0, Alt+="),
    ),
    Act(
        "rank.answer",
        QT_TRANSLATE_NOOP("Keys", "Rating: the answer before, the next one"),
        fixed=QT_TRANSLATE_NOOP("Keys", "Left, Right"),
    ),
    Act("rank.ratings", QT_TRANSLATE_NOOP("Keys", "Rate the answers of this set by themselves"), ("Ctrl+Left",)),
    Act(
        "rank.peek",
        QT_TRANSLATE_NOOP("Keys", "See what the reward model thinks before the order is whole"),
        ("Ctrl+P",),
    ),
    Act("rank.learn", QT_TRANSLATE_NOOP("Keys", "Learn from the new rankings and see what they change"), ("Ctrl+L",)),
    Act("rank.leave", QT_TRANSLATE_NOOP("Keys", "From what was learned back to ranking"), ("Esc",), fixed="Esc"),
    Act(
        "labels.choose",
        QT_TRANSLATE_NOOP("Keys", "Go through the history, the newest first"),
        ("Up", "Down"),
        part="list",
        fixed=QT_TRANSLATE_NOOP("Keys", "Up, Down"),
    ),
    Act(
        "labels.edit",
        QT_TRANSLATE_NOOP("Keys", "Edit the label that is chosen"),
        ("Return",),
        part="list",
        fixed=QT_TRANSLATE_NOOP("Keys", "Enter"),
    ),
    Act(
        "labels.toggle",
        QT_TRANSLATE_NOOP("Keys", "Take the chosen label back, or restore it"),
        ("Delete",),
        part="list",
        fixed=QT_TRANSLATE_NOOP("Keys", "Delete"),
    ),
    Act("labels.search", QT_TRANSLATE_NOOP("Keys", "Search labels"), ("Ctrl+F",)),
    Act("train.adjust", QT_TRANSLATE_NOOP("Keys", "Change settings of PPO while it runs"), ("F4",)),
    Act("train.start", QT_TRANSLATE_NOOP("Keys", "Train all three"), ("F5",)),
    Act("train.pause", QT_TRANSLATE_NOOP("Keys", "Pause, or go on"), ("F6",)),
    Act("train.stop", QT_TRANSLATE_NOOP("Keys", "Stop and keep the run"), ("F7",)),
    Act(
        "runs.choose",
        QT_TRANSLATE_NOOP("Keys", "Choose a run"),
        ("Up", "Down"),
        part="list",
        fixed=QT_TRANSLATE_NOOP("Keys", "Up, Down"),
    ),
    Act(
        "runs.fold",
        QT_TRANSLATE_NOOP("Keys", "Fold what came of a run, or unfold it"),
        ("Left", "Right"),
        part="list",
        fixed=QT_TRANSLATE_NOOP("Keys", "Left, Right"),
    ),
    Act("compare.ask", QT_TRANSLATE_NOOP("Keys", "Ask all models"), ("Ctrl+Return",)),
    Act("compare.again", QT_TRANSLATE_NOOP("Keys", "New seed, and ask all (above temperature 0)"), ("F5",)),
    Act("compare.stop", QT_TRANSLATE_NOOP("Keys", "Stop writing"), ("Ctrl+.",)),
    Act(
        "compare.fields",
        QT_TRANSLATE_NOOP("Keys", "To temperature, longest answer, seed"),
        ("Alt+M", "Alt+L", "Alt+S"),
        fixed="Alt+M, Alt+L, Alt+S",
    ),
)

NOTICES = Act("window.notices", QT_TRANSLATE_NOOP("Keys", "To the newest notice, and back"), ("F8",))
