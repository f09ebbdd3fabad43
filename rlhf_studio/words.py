"""Message ids and metric names put into words: English, in this one place."""

from collections.abc import Callable, Mapping

STAGES = {
    "pretrain": "Base model",
    "sft": "SFT",
    "reward": "Reward model",
    "rl-start": "RL start",
    "ppo": "PPO",
    "ppo-ptx": "PPO-ptx",
}

PHASES = {
    "sample": "sampling answers",
    "score": "scoring answers",
    "update": "learning",
    "evaluate": "measuring",
    "save": "saving",
    "load": "loading models",
    "read": "reading text",
}

NOTICES = {
    "pretrain.no_held_out": "No document of '{source}' is held out, so only the training loss can be shown for it.",
    "sft.left_out": "{count} demonstrations are longer than {limit} tokens or empty and are left out.",
    "sft.no_held_out": "No demonstration is held out, so only the training loss can be shown.",
    "sft.no_dropout": "This model's residual branches were not found: dropout {rate} is not applied.",
    "sft.no_judge": "No reward model scores the answers to held-out prompts yet, so the last epoch's model is kept.",
    "sft.no_questions": "No held-out prompt can be answered and scored, so the last epoch's model is kept.",
    "sft.judge_of_other_tokens": "The newest reward model reads other tokens than this model writes: it scores nothing "
    "here.",
    "sft.best.loss": "Best epoch by held-out loss: {by_loss} ({loss:.3f} nats per token).",
    "sft.best.score": "Best epoch by the reward model's score of answers to held-out prompts: {by_score} "
    "({score:+.2f}).",
    "sft.best.loss_and_score": "Best epoch by held-out loss: {by_loss} ({loss:.3f} nats per token); by the reward "
    "model's score of answers to held-out prompts: {by_score} ({score:+.2f}).",
    "sft.kept.score": "The model is that of epoch {epoch} of {of}, chosen by the score.",
    "sft.kept.loss": "The model is that of epoch {epoch} of {of}, chosen by held-out loss.",
    "sft.kept.last": "The model is that of the last epoch, {epoch} of {of}.",
    "sft.weights_lost": "The weights of epoch {epoch} are lost, so the last epoch's model is kept ({reason}).",
    "reward.left_out": "{count} rankings are longer than {limit} tokens or all tied and are left out.",
    "reward.no_held_out": "No ranking is held out, so accuracy is known on training rankings only.",
    "reward.no_demonstrations": "There are no demonstrations: the scores' zero is arbitrary.",
    "reward.centred": "Scores shifted by {score/shift:+.2f}; answers now score {score/answers:+.2f} on average, "
    "with a standard deviation of {score/std:.2f}.",
    "ppo.left_out": "{count} prompts leave no room for an answer within {limit} tokens and are left out.",
    "ppo.no_held_out_text": "No pretraining text is held out, so the loss on natural text cannot be measured.",
    "ppo.ratio_gate": "Sampler and training pass differ by {error:.1e} (limit {limit:.0e}): log-probabilities are "
    "taken from the training pass.",
    "ppo.kl_stop": "KL to the start is {kl:.2f} nats per answer, above the limit of {limit:g}: the run ends here. "
    "Resume it with another limit or a larger beta to go on, or fork it at this step.",
    "ppo.alarm.repetition": "Alarm: the answers repeat themselves. At first {before:.0%} of their token pairs had come "
    "before, now {now:.0%}.\n{examples}",
    "ppo.alarm.length": "Alarm: the answers have {now:.0f} tokens now, at first {before:.0f}.\n{examples}",
    "ppo.alarm.finished": "Alarm: {now:.0%} of the answers come to an end now, at first {before:.0%}.\n{examples}",
    "ppo.alarm.entropy": "Alarm: the answers become alike. Entropy is {now:.2f} nats per token now, at first "
    "{before:.2f}.\n{examples}",
    "ppo.alarm.watched": "Alarm: the reward rises while the watching one falls, from {before:.2f} to {now:.2f}.\n"
    "{examples}",
    "run.checkpoint_damaged": "The checkpoint {checkpoint} is damaged ({reason}); the one before it is used.",
    "run.micro_batch_halved": "The memory was exhausted with {before} sequences in one pass: the step is repeated with "
    "{now}. The result is the same.",
    "run.sampling_halved": "The memory was exhausted with {before} answers sampled side by side: {now} are now. The "
    "result is the same.",
    "run.device_agrees": "Tried before training: on {device} in {precision} what the {model} model says differs from "
    "the CPU by {difference:.2g} at most (rounding explains up to {limit:.2g}).",
    "run.went_back": "Not finite: {cause}. The run went back to step {step} and goes on with half the learning rate "
    "({rate:.1e}).",
    "run.wish_damaged": "A change of settings that was asked for could not be read ({reason}); ask again.",
    "run.fork_elsewhere": "Batches have {now} rows now and had {before}. Which rows a step reads follows from its "
    "number and the batch, so after step {step} the fork goes on at another place of the data than the run it came "
    "from.",
    "run.not_pruned": "Old checkpoints could not be removed ({reason}).",
}

# what a person changes while a run goes on, in short for the marks on curves
STEERED = {
    "kl_coef": "beta",
    "ptx_coef": "gamma",
    "learning_rate": "policy rate",
    "value_learning_rate": "value rate",
    "clip": "clip",
    "kl_stop": "KL limit",
}
CHANGED = "From step {step} on: {changes}."

# what a person did to labels, by kinds of the journal
ACTS = {
    "demonstration": "a demonstration",
    "ranking": "a ranking",
    "unrankable": "\u201ccannot be ranked\u201d",
    "skipped": "a skipped set of answers",
    "retraction": "the removal of a label",
    "restoration": "the return of a label",
    "simulated": "the removal of simulated rankings",
    "target": "another target of the simulated rankings",
    "run": "the deletion of a run",
    "scripted": "the rankings by a script",
    "revision": "a new version of a label",
    "rating": "a rating",
    "annotation": "the marks of a prompt",
    "prompts": "a change of prompts",
}

DURATIONS = ("{seconds} s", "{minutes} min {seconds} s", "{hours} h {minutes} min")

# what the progress line shows per kind of run, in this order: metric, label, format
_OF_SFT = (
    ("loss/train", "loss", ".2f"),
    ("loss/valid", "held-out", ".2f"),
    ("valid/scores", "score", "+.2f"),
    ("loss/text_valid", "natural text", ".2f"),
)
KEY_FIGURES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "pretrain": (
        ("loss/train", "loss", ".2f"),
        ("loss/valid", "held-out", ".2f"),
        ("bits_per_byte/mix", "bits/byte", ".2f"),
    ),
    "sft": _OF_SFT,
    "rl-start": _OF_SFT,
    "reward": (
        ("loss/train", "loss", ".2f"),
        ("loss/valid", "held-out", ".2f"),
        ("accuracy/valid", "held-out accuracy", ".0%"),
    ),
    "ppo": (
        ("objective/scores", "reward", "+.2f"),
        ("objective/kl", "KL", ".1f"),
        ("loss/text_valid", "natural text", ".2f"),
        ("loss/ptx", "ptx loss", ".2f"),
    ),
}


class _AsItIs(dict[str, object]):
    """Values of a notice; one that is missing shows as its name."""

    def __missing__(self, key: str) -> str:
        return "?"


def notice(message: str, values: Mapping[str, str | int | float], say: Callable[[str], str] = str) -> str:
    """A notice in words; an id that is not known shows as it is, with its values. ``say`` translates."""
    known = NOTICES.get(message)
    if known is not None:
        try:
            return say(known).format_map(_AsItIs(values))
        except (ValueError, TypeError):  # a value of another kind than the words expect: show it rather than fail
            pass
    shown = ", ".join(f"{name} {value}" for name, value in values.items())
    return f"{message} ({shown})" if shown else message


def mark(name: str, value: float, say: Callable[[str], str] = str) -> str:
    """A setting that was changed while a run went on, such as ``beta 0.1``."""
    return f"{say(STEERED.get(name, name))} {value:g}"


def figures(kind: str, values: Mapping[str, float]) -> str:
    """The key figures of a kind of run, e.g. ``reward +1.20 · KL 6.1``."""
    shown = [f"{label} {values[name]:{form}}" for name, label, form in KEY_FIGURES.get(kind, ()) if name in values]
    return " · ".join(shown)


def duration(seconds: float, say: Callable[[str], str] = str) -> str:
    """``8 s``, ``1 min 40 s`` or ``2 h 5 min``; ``say`` translates."""
    whole = round(seconds)
    form = DURATIONS[(whole >= 60) + (whole >= 3600)]
    return say(form).format(hours=whole // 3600, minutes=whole % 3600 // 60, seconds=whole % 60)


USABLE = {
    "no": "usable: no, it has not come to its first checkpoint",
    "checkpoint": "usable: yes, checkpoint at step {step}",
    "model": "usable: yes, model of step {step}",
}
SIZES = ("{size:.0f} kB", "{size:.1f} MB", "{size:.1f} GB")


def usable(step: int | None, *, is_checkpoint: bool, say: Callable[[str], str] = str) -> str:
    """Whether there is something of a run to use; ``step`` None is nothing."""
    key = "no" if step is None else "checkpoint" if is_checkpoint else "model"
    return say(USABLE[key]).format(step=step)


def size(count: int, say: Callable[[str], str] = str) -> str:
    """Bytes as ``34 kB``, ``5.1 MB`` or ``2.0 GB``, in powers of ten."""
    power = (count >= 1e6) + (count >= 1e9)
    return say(SIZES[power]).format(size=count / 1000 ** (power + 1))


ESTIMATE = "about {time}, {memory} more memory, {disk} disk"
# what will not suffice, and what to change: with a number where there is one
SHORTAGES: Mapping[str, tuple[str, str, str]] = {
    "memory": (
        "It needs about {needed} of memory and only {free} are free.",
        "Set the micro-batch to {number}; the result is the same.",
        "Close other programs, or choose a smaller model or shorter texts.",
    ),
    "disk": (
        "It needs up to {needed} on the disk and only {free} are free.",
        "Keep fewer than {number} checkpoints, or make room.",
        "Make room, or put the project on another disk.",
    ),
}


def estimate(seconds: float, memory: int, disk: int, say: Callable[[str], str] = str) -> str:
    """What a run will take: ``about 1 min 20 s, 310.0 MB more memory, 42.0 MB disk``; ``say`` translates."""
    time = duration(max(1.0, seconds), say)
    return say(ESTIMATE).format(time=time, memory=size(memory, say), disk=size(disk, say))


def shortage(what: str, needed: int, free: int, number: int, say: Callable[[str], str] = str) -> str:
    """What will not suffice and what to do, where ``number`` is the setting to change to, or 0; ``say`` translates."""
    lack, change, otherwise = SHORTAGES[what]
    told = say(lack).format(needed=size(needed, say), free=size(max(0, free), say))
    return f"{told} {say(change if number else otherwise).format(number=number)}"


def plain(text: str) -> str:
    """Text of people and models for a terminal: control characters (colours, cursor moves) become visible marks."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
