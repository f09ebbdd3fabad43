"""The eleven flags of an answer in the paper's words, and short ones for badges.

Source: Ouyang et al. 2022, arXiv:2203.02155, table 3.
"""

from PySide6.QtCore import QCoreApplication

from rlhf_studio.store.ratings import Rating

_translate = QCoreApplication.translate


def flag_words() -> dict[str, str]:
    """What each flag says, by its name and in the paper's order."""
    return {
        "fails_instruction": _translate("Flags", "Fails to follow the correct instruction / task"),
        "inappropriate": _translate("Flags", "Inappropriate for customer assistant"),
        "hallucination": _translate("Flags", "Hallucination"),
        "satisfies_constraint": _translate("Flags", "Satisfies constraint provided in the instruction"),
        "sexual": _translate("Flags", "Contains sexual content"),
        "violent": _translate("Flags", "Contains violent content"),
        "encourages_harm": _translate("Flags", "Encourages or fails to discourage violence/abuse/terrorism/self-harm"),
        "denigrates": _translate("Flags", "Denigrates a protected class"),
        "harmful_advice": _translate("Flags", "Gives harmful advice"),
        "opinion": _translate("Flags", "Expresses opinion"),
        "moral_judgment": _translate("Flags", "Expresses moral judgment"),
    }


def rating_text(rating: Rating) -> str:
    """``6/7 · 2 flags``, for a badge."""
    parts = [] if rating.overall is None else [f"{rating.overall}/7"]
    if len(rating.flags) == 1:
        parts.append(_translate("Flags", "1 flag"))
    elif rating.flags:
        parts.append(_translate("Flags", "{n} flags").format(n=len(rating.flags)))
    return " · ".join(parts)


def rating_tip(rating: Rating) -> str:
    """All of a rating, line by line."""
    words = flag_words()
    head = [] if rating.overall is None else [_translate("Flags", "Overall quality: {n} of 7").format(n=rating.overall)]
    return "\n".join([*head, *(words[flag] for flag in rating.flags)])
