"""The ten use cases of InstructGPT's table 1, put into words."""

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

_WORDS = {
    "generation": QT_TRANSLATE_NOOP("UseCase", "Generation"),
    "open_qa": QT_TRANSLATE_NOOP("UseCase", "Open question"),
    "brainstorming": QT_TRANSLATE_NOOP("UseCase", "Brainstorming"),
    "chat": QT_TRANSLATE_NOOP("UseCase", "Chat"),
    "rewrite": QT_TRANSLATE_NOOP("UseCase", "Rewrite"),
    "summarization": QT_TRANSLATE_NOOP("UseCase", "Summarization"),
    "classification": QT_TRANSLATE_NOOP("UseCase", "Classification"),
    "other": QT_TRANSLATE_NOOP("UseCase", "Other"),
    "closed_qa": QT_TRANSLATE_NOOP("UseCase", "Closed question"),
    "extract": QT_TRANSLATE_NOOP("UseCase", "Extract"),
}


def use_case_word(use_case: str) -> str:
    """A use case in words, e.g. "Open question"; one that is not known shows as it is."""
    word = _WORDS.get(use_case)
    return QCoreApplication.translate("UseCase", str(word)) if word is not None else use_case
