"""What is said of a set's answers: who gave them, once they are ranked, and which of them are the same."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication

from rlhf_studio.jobs.lineup import SAMPLING
from rlhf_studio.schema import Completion, Sampling


def source_words(title: str, sampling: Sampling) -> str:
    """A model and how it is sampled, where that is not as it is: "SFT, 23 Nov 06:12, temperature 0.7"."""
    parts = [title]
    if sampling.temperature != SAMPLING.temperature:
        parts.append(_tr("temperature {x}").format(x=f"{sampling.temperature:g}"))
    if sampling.top_p != SAMPLING.top_p:
        parts.append(_tr("top-p {x}").format(x=f"{sampling.top_p:g}"))
    return ", ".join(parts)


def credit_words(answers: Sequence[Completion]) -> str:
    """Whose answer was whose, by the digits under which they were shown; to be said only after they were ranked."""
    digits: dict[str, list[str]] = {}
    for digit, answer in enumerate(answers, start=1):
        digits.setdefault(source_words(answer.model, answer.sampling), []).append(str(digit))
    if len(digits) == 1:
        return _tr("The answers were by {model}.").format(model=next(iter(digits)))
    parts = [_tr("{digits} by {model}").format(digits=_listed(own), model=who) for who, own in digits.items()]
    return _tr("Answers: {parts}.").format(parts="; ".join(parts))


def equal_words(answers: Sequence[Completion]) -> str:
    """Which answers stayed the same text after all tries; empty where all differ."""
    digits: dict[str, list[str]] = {}
    for digit, answer in enumerate(answers, start=1):
        digits.setdefault(answer.text.strip(), []).append(str(digit))
    groups = [own for own in digits.values() if len(own) > 1]
    if not groups:
        return ""
    if len(digits) == 1:
        return _tr("All answers came out the same, also when they were sampled again. Re-roll some, or skip the set.")
    listed = "; ".join(_listed(own) for own in groups)
    return _tr(
        "Answers {digits} came out the same, also when they were sampled again: tie them, or re-roll one."
    ).format(digits=listed)


def _listed(digits: Sequence[str]) -> str:
    return ", ".join(digits)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Remarks", text)
