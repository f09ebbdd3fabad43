"""The marks of InstructGPT's table 7, put into words; the names are the paper's, the explanations ours."""

from PySide6.QtCore import QCoreApplication

from rlhf_studio.store.annotations import Mark
from rlhf_studio.ui.keys.acts import QT_TRANSLATE_NOOP

_NAMES: dict[Mark, str] = {
    "ambiguous": QT_TRANSLATE_NOOP("Mark", "Ambiguous"),
    "sensitive_content": QT_TRANSLATE_NOOP("Mark", "Sensitive content"),
    "identity_dependent": QT_TRANSLATE_NOOP("Mark", "Identity dependent"),
    "closed_domain": QT_TRANSLATE_NOOP("Mark", "Closed domain"),
    "continuation_style": QT_TRANSLATE_NOOP("Mark", "Continuation style"),
    "requests_opinion": QT_TRANSLATE_NOOP("Mark", "Requests opinionated content"),
    "requests_advice": QT_TRANSLATE_NOOP("Mark", "Requests advice"),
    "requests_moral_judgment": QT_TRANSLATE_NOOP("Mark", "Requests moral judgment"),
    "safety_constraints": QT_TRANSLATE_NOOP("Mark", "Contains explicit safety constraints"),
    "other_constraints": QT_TRANSLATE_NOOP("Mark", "Contains other explicit constraints"),
    "intent_unclear": QT_TRANSLATE_NOOP("Mark", "Intent unclear"),
}
_TIPS: dict[Mark, str] = {
    "ambiguous": QT_TRANSLATE_NOOP("Mark", "It can be understood in several ways"),
    "sensitive_content": QT_TRANSLATE_NOOP("Mark", "It touches what may hurt or expose somebody"),
    "identity_dependent": QT_TRANSLATE_NOOP("Mark", "The right answer depends on who asks"),
    "closed_domain": QT_TRANSLATE_NOOP("Mark", "All that the answer may use stands in the prompt"),
    "continuation_style": QT_TRANSLATE_NOOP("Mark", "It is a text to be continued, not a task"),
    "requests_opinion": QT_TRANSLATE_NOOP("Mark", "It asks for an opinion"),
    "requests_advice": QT_TRANSLATE_NOOP("Mark", "It asks what the person should do"),
    "requests_moral_judgment": QT_TRANSLATE_NOOP("Mark", "It asks what is right or wrong"),
    "safety_constraints": QT_TRANSLATE_NOOP("Mark", "It says what must be left out so that nobody is harmed"),
    "other_constraints": QT_TRANSLATE_NOOP("Mark", "It sets other conditions, such as a length or a form"),
    "intent_unclear": QT_TRANSLATE_NOOP("Mark", "One cannot tell what the person wants"),
}


def mark_word(mark: Mark) -> str:
    """What a mark is called."""
    return QCoreApplication.translate("Mark", _NAMES[mark])


def mark_tip(mark: Mark) -> str:
    """When a mark applies."""
    return QCoreApplication.translate("Mark", _TIPS[mark])
