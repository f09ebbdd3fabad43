"""What the core says, in the language of the window: stages, phases, notices, times, and the names of settings.

The core's words are data, so nothing marks them for translation; ``core_texts`` lists them for whoever translates.
"""

from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication

from rlhf_studio import words

CONTEXT = "Core"  # of the file of translations


def spoken(text: str) -> str:
    """A text of the core in the language of the window."""
    return QCoreApplication.translate(CONTEXT, text) if text else ""


def stage_word(stage: str) -> str:
    """A stage's name; one that is not known shows as it is."""
    return spoken(words.STAGES.get(stage, "")) or stage


def named(stage: str, note: str) -> str:
    """A run's stage and what else its name tells, which is a person's own text or in English."""
    word = stage_word(stage)
    return f"{word}: {note}" if note else word


def phase_word(phase: str) -> str:
    """What a trainer does just now; a phase that is not known shows as it is."""
    return spoken(words.PHASES.get(phase, "")) or phase


def act_word(kind: str) -> str:
    """What a person did to labels; a kind that is not known shows as it is."""
    return spoken(words.ACTS.get(kind, "")) or kind


def notice_text(message: str, values: Mapping[str, str | int | float]) -> str:
    """A notice in words."""
    return words.notice(message, values, spoken)


def mark_text(name: str, value: float) -> str:
    """A setting that was changed while a run went on."""
    return words.mark(name, value, spoken)


def duration_text(seconds: float) -> str:
    """``1 min 40 s``."""
    return words.duration(seconds, spoken)


def usable_text(step: int | None, *, is_checkpoint: bool) -> str:
    """Whether there is something of a run to use."""
    return words.usable(step, is_checkpoint=is_checkpoint, say=spoken)


def size_text(count: int) -> str:
    """``5.1 MB``."""
    return words.size(count, spoken)


def estimate_text(seconds: float, memory: int, disk: int) -> str:
    """``about 1 min 20 s, 310 MB more memory, 42 MB disk``."""
    return words.estimate(seconds, memory, disk, spoken)


def shortage_text(what: str, needed: int, free: int, number: int) -> str:
    """What will not suffice, and what to do."""
    return words.shortage(what, needed, free, number, spoken)


def core_texts() -> tuple[str, ...]:
    """Every text that ``spoken`` may be given, each once."""
    from rlhf_studio.jobs.rules import DESCRIPTIONS, TITLES  # noqa: PLC0415  likewise
    from rlhf_studio.jobs.targets import targets  # noqa: PLC0415  likewise
    from rlhf_studio.settings import (  # noqa: PLC0415  takes its time
        DEFAULT_TITLE,
        FIELD_GROUPS,
        GROUPS,
        MORE,
        PRESETS,
        STAGE_SETTINGS,
        LoopSettings,
        StageSettings,
        options,
    )

    texts = [
        *words.STAGES.values(),
        *words.PHASES.values(),
        *words.NOTICES.values(),
        *words.STEERED.values(),
        words.CHANGED,
        *words.DURATIONS,
        words.ESTIMATE,
        *(text for texts in words.SHORTAGES.values() for text in texts),
        *words.ACTS.values(),
        *TITLES.values(),
        *DESCRIPTIONS.values(),
        *words.USABLE.values(),
        *words.SIZES,
    ]
    texts += [text for preset in PRESETS for text in (preset.title, preset.changes, preset.watch)]
    texts += [DEFAULT_TITLE, *GROUPS.values(), *FIELD_GROUPS, MORE]
    texts += [text for target in targets() for text in (target.title, target.description)]
    declared: tuple[type[StageSettings], ...] = (*STAGE_SETTINGS.values(), LoopSettings)
    for settings in declared:
        texts += [
            text for option in options(settings) for text in (option.title, option.help, option.unit, option.ours)
        ]
    return tuple(dict.fromkeys(text for text in texts if text))
