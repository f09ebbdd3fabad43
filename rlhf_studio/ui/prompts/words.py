"""Sources, splits and purposes of prompts in words, and what share each use case had in InstructGPT's prompts."""

from collections.abc import Mapping

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from rlhf_studio.schema import Purpose, Source, Split, UseCase

# Ouyang et al. 2022, arXiv:2203.02155, table 1: percent of the API prompts
PAPER_SHARES: Mapping[UseCase, float] = {
    "generation": 45.6,
    "open_qa": 12.4,
    "brainstorming": 11.2,
    "chat": 8.4,
    "rewrite": 6.6,
    "summarization": 4.2,
    "classification": 3.5,
    "other": 3.5,
    "closed_qa": 2.6,
    "extract": 1.9,
}
_SOURCES: Mapping[Source, object] = {  # Qt's own mark is not typed
    "plain": QT_TRANSLATE_NOOP("PromptWords", "Plain"),
    "few_shot": QT_TRANSLATE_NOOP("PromptWords", "Few-shot"),
    "user_based": QT_TRANSLATE_NOOP("PromptWords", "User-based"),
}
_SPLITS: Mapping[Split, object] = {
    "train": QT_TRANSLATE_NOOP("PromptWords", "Training"),
    "valid": QT_TRANSLATE_NOOP("PromptWords", "Validation"),
    "test": QT_TRANSLATE_NOOP("PromptWords", "Test"),
}
_PURPOSES: Mapping[Purpose, object] = {
    "demonstrate": QT_TRANSLATE_NOOP("PromptWords", "Demonstrations"),
    "rank": QT_TRANSLATE_NOOP("PromptWords", "Rankings"),
    "ppo": QT_TRANSLATE_NOOP("PromptWords", "PPO"),
    "probe": QT_TRANSLATE_NOOP("PromptWords", "Probes"),
}


def source_word(source: Source) -> str:
    """Where a prompt comes from, e.g. "Few-shot"."""
    return _word(_SOURCES[source])


def split_word(split: Split) -> str:
    """A split, e.g. "Training"."""
    return _word(_SPLITS[split])


def purpose_word(purpose: Purpose) -> str:
    """What a prompt is for, e.g. "Rankings"."""
    return _word(_PURPOSES[purpose])


def _word(text: object) -> str:
    return QCoreApplication.translate("PromptWords", str(text))
