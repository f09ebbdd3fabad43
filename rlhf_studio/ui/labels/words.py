"""Label acts in words."""

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale, Qt

from rlhf_studio.store.history import ActKind, LabelAct

_translate = QCoreApplication.translate


def kind_word(kind: ActKind) -> str:
    """What kind of label it is."""
    return {
        "demonstration": _translate("LabelWords", "Demonstration"),
        "ranking": _translate("LabelWords", "Ranking"),
        "unrankable": _translate("LabelWords", "Cannot be ranked"),
        "skipped": _translate("LabelWords", "Skipped"),
    }[kind]


def confidence_word(confidence: int) -> str:
    """How sure the labeler was."""
    return {
        1: _translate("LabelWords", "a guess"),
        2: _translate("LabelWords", "fairly sure"),
        3: _translate("LabelWords", "sure"),
    }[confidence]


def when(created: str) -> str:
    """A moment of the store in the computer's time zone, as is usual in the user's country."""
    moment = QDateTime.fromString(created, Qt.DateFormat.ISODateWithMs).toLocalTime()
    return QLocale().toString(moment, QLocale.FormatType.ShortFormat) if moment.isValid() else created


def seconds_text(seconds: float) -> str:
    """``12 s``, or ``1.4 s`` where the tenth says something."""
    return _translate("LabelWords", "{seconds} s").format(seconds=f"{seconds:.1f}" if seconds < 10 else round(seconds))


def marks(act: LabelAct) -> tuple[str, ...]:
    """What there is to say of an act beside who, when and what."""
    is_gone = act.state == "taken_back" and not act.is_prompt_deleted
    is_label = act.kind in {"demonstration", "ranking"}
    found = {
        _translate("LabelWords", "prompt deleted"): act.is_prompt_deleted,
        _translate("LabelWords", "replaced"): act.state == "replaced",
        _translate("LabelWords", "taken back"): is_gone and is_label,
        _translate("LabelWords", "no longer holds"): is_gone and not is_label,
        _translate("LabelWords", "simulated"): act.is_simulated,
        _translate("LabelWords", "silent repeat"): act.is_repeat,
        _translate("LabelWords", "edited"): act.is_edit,
        _translate("LabelWords", "all bad"): act.is_all_bad,
    }
    return tuple(word for word, holds in found.items() if holds)


def headline(act: LabelAct) -> str:
    """``Ranking of 4 · 12 s · sure``."""
    parts = [
        _translate("LabelWords", "Ranking of {k}").format(k=act.size) if act.kind == "ranking" else kind_word(act.kind)
    ]
    if act.seconds:
        parts.append(seconds_text(act.seconds))
    if act.confidence is not None:
        parts.append(confidence_word(act.confidence))
    return " · ".join(parts)
