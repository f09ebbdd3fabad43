"""What the phases of a PPO step share: models, optimizers, data; how a run begins, is looked at, and ends."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import AdamW

from rlhf_studio.errors import DataError
from rlhf_studio.events import Notice, Progress, RunFinished, SampleShown, TrainEvent
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.schema import PpoData, PromptRow
from rlhf_studio.settings import STEERABLE, PpoSettings
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.evaluate import EVALUATION_ROWS, TEXT_WINDOWS, greedy_answers, measured, text_loss
from rlhf_studio.train.rollout import Rollout, begin_rollout
from rlhf_studio.train.run import Run
from rlhf_studio.train.sparing import in_halves, sparingly
from rlhf_studio.train.state import Trainee, adamw
from rlhf_studio.train.texts import TokenWindows, gently

_VALID_WINDOW = 128
_HELD_OUT_PROMPTS = 64

ScriptedReward = Callable[[PromptRow, str], float]  # a mark, 0 to 1, for an answer to a prompt


@dataclass(frozen=True, slots=True)
class PpoStart:
    """Where a run goes on that does not begin at the reference; the value network None is a new one."""

    policy: LanguageModel
    value: ScalarModel | None = None


@dataclass
class PpoStage:
    """One PPO run. ``trainee.values`` holds what may change: coefficients, rates, a half-done step."""

    settings: PpoSettings
    compute: Compute
    control: RunControl
    policy: LanguageModel
    reference: LanguageModel  # frozen; the start of the policy, unless the run goes on from another one's
    reward_model: ScalarModel  # frozen
    value_model: ScalarModel
    ema: LanguageModel | None
    policy_optimizer: AdamW
    value_optimizer: AdamW
    trainee: Trainee
    prompts: list[list[int]]
    rows: list[PromptRow]  # what the prompts are
    held_out: list[tuple[list[int], PromptRow]]  # prompts that choose the best policy
    scripts: Mapping[str, ScriptedReward]
    dropped: int
    probes: tuple[PromptRow, ...]
    texts: TokenWindows | None
    valid_windows: Tensor | None
    side_by_side: int = 0  # answers that the memory lets be sampled at a time; 0 while all of a batch fit

    changeable = STEERABLE

    @property
    def piece(self) -> int:
        """Episodes in one forward pass without gradient."""
        return self.settings.micro_batch or max(1, min(64, self.settings.batch_size))

    @property
    def score_std(self) -> float:
        """Deviation of the scores that train: the unit of the value clip, of the score clip and of the penalty."""
        return float(self.trainee.values.get("script_std", self.reward_model.score_std))

    def progress(self, step: int, phase: str, done: float) -> Progress:
        return Progress(step, self.settings.steps, phase, done)


def prepare(
    settings: PpoSettings,
    policy: LanguageModel,
    reward_model: ScalarModel,
    data: PpoData,
    compute: Compute,
    control: RunControl,
    scripts: Mapping[str, ScriptedReward] | None = None,
    start: PpoStart | None = None,
) -> PpoStage:
    """Set up the four models and two optimizers of a run; ``policy`` is the reference, and its start unless given.

    Raises:
        DataError: If no prompt fits beside an answer, or PPO-ptx has no pretraining text.
        ValueError: If the settings name a script that was not given.
    """
    scripts = scripts or {}
    unknown = {settings.reward_source, settings.watching} - {"model", "none", *scripts}
    if unknown:
        raise ValueError(f"the settings name the script {unknown.pop()!r}, given are {sorted(scripts)}")
    prompts, rows, dropped = _encode_prompts(settings, policy, data)
    valid = _held_out_prompts(settings, policy, data)
    policy.to(compute.device)
    reward_model.to(compute.device)
    reference = policy.clone(frozen=True)
    policy, value_model = _learners(policy, reward_model, start, compute)
    ema = policy.clone() if settings.ema_decay else None
    optimizers = [
        adamw(settings, policy.module, settings.learning_rate),
        adamw(settings, value_model.module, settings.value_learning_rate),
    ]
    modules = {"policy": policy.module, "value": value_model.module}
    if ema is not None:
        modules["ema"] = ema.module
    values = {name: float(getattr(settings, name)) for name in PpoStage.changeable}
    held_out_window = min(_VALID_WINDOW, policy.context_length - 1)
    return PpoStage(
        settings=settings,
        compute=compute,
        control=control,
        policy=policy,
        reference=reference,
        reward_model=reward_model,
        value_model=value_model,
        ema=ema,
        policy_optimizer=optimizers[0],
        value_optimizer=optimizers[1],
        trainee=Trainee(modules, {"policy": optimizers[0], "value": optimizers[1]}, values),
        prompts=prompts,
        rows=rows,
        held_out=valid,
        scripts=scripts,
        dropped=dropped,
        probes=data.probes,
        texts=_ptx_windows(settings, policy, data),
        valid_windows=TokenWindows(policy.codec, data.pretraining_valid, held_out_window).spread(TEXT_WINDOWS)
        if data.pretraining_valid
        else None,
    )


def _learners(
    policy: LanguageModel, reward_model: ScalarModel, start: PpoStart | None, compute: Compute
) -> tuple[LanguageModel, ScalarModel]:
    """The policy and the value network that learn: those to go on from, or the reference itself and a copy."""
    if start is None:
        return policy, reward_model.clone()
    value_model = reward_model.clone() if start.value is None else start.value.to(compute.device)
    return start.policy.to(compute.device), value_model


def _held_out_prompts(settings: PpoSettings, policy: LanguageModel, data: PpoData) -> list[tuple[list[int], PromptRow]]:
    """Token ids of held-out prompts that leave room for an answer, and what they are."""
    room = policy.context_length - settings.max_new_tokens
    asked = [(policy.codec.encode_prompt(row.turns), row) for row in gently(data.prompts_valid)]
    return [(ids, row) for ids, row in asked if 0 < len(ids) <= room][:_HELD_OUT_PROMPTS]


def _encode_prompts(
    settings: PpoSettings, policy: LanguageModel, data: PpoData
) -> tuple[list[list[int]], list[PromptRow], int]:
    room = policy.context_length - settings.max_new_tokens
    encoded = [(policy.codec.encode_prompt(prompt.turns), prompt) for prompt in gently(data.prompts)]
    fitting = [(ids, row) for ids, row in encoded if 0 < len(ids) <= room]
    if not fitting:
        raise DataError(
            f"None of the {len(encoded)} prompts leaves room for {settings.max_new_tokens} new tokens in the model's "
            f"context of {policy.context_length}. Shorten the prompts or the longest answer (max_new_tokens)."
            if encoded
            else "PPO needs prompts and this project has 0 for it. Mark some prompts for PPO, or write new ones."
        )
    return [ids for ids, _ in fitting], [row for _, row in fitting], len(encoded) - len(fitting)


def _ptx_windows(settings: PpoSettings, policy: LanguageModel, data: PpoData) -> TokenWindows | None:
    if data.pretraining:
        return TokenWindows(policy.codec, data.pretraining, min(settings.ptx_window, policy.context_length - 1))
    if settings.ptx_coef:
        raise DataError(
            f"PPO-ptx (gamma {settings.ptx_coef}) needs pretraining text and this project has none. "
            "Add text to the project, or set ptx_coef to 0 for plain PPO."
        )
    return None


def notices(stage: PpoStage) -> Iterator[Notice]:
    """What a person should know before the first step."""
    if stage.dropped:
        yield Notice(0, "ppo.left_out", {"count": stage.dropped, "limit": stage.policy.context_length})
    if stage.valid_windows is None:
        yield Notice(0, "ppo.no_held_out_text", {})


def held_out(stage: PpoStage, step: int) -> Generator[TrainEvent, None, dict[str, float]]:
    """Loss of text that no stage trains on: what PPO forgets and ptx keeps."""
    windows = stage.valid_windows
    if windows is None:
        return {}

    def attempt() -> Generator[TrainEvent, None, dict[str, float]]:
        loss = text_loss(stage.policy, stage.compute, windows, stage.settings.micro_batch or EVALUATION_ROWS)
        return (yield from measured({"loss/text_valid": loss}, stage.control, step, stage.settings.steps))

    return (yield from sparingly(stage, step, EVALUATION_ROWS, attempt, lambda: None))


def probe(stage: PpoStage, step: int) -> Iterator[SampleShown | Notice]:
    """Probe prompts answered by the policy, with the reward and the KL of that answer."""
    return in_halves(stage.probes, step, lambda probes: _answered(stage, step, probes))


def _answered(stage: PpoStage, step: int, probes: Sequence[PromptRow]) -> Iterator[SampleShown]:
    answers = greedy_answers(stage.policy, probes, max_new_tokens=stage.settings.max_new_tokens)
    if answers is None:
        return
    rollout = begin_rollout(answers.prompts, answers.generation)
    with torch.no_grad(), stage.compute.autocast():
        scores = stage.reward_model.scores(rollout.batch)
        logits = stage.reference.response_logits(rollout.batch, rollout.response_length)
        ref_logprobs = token_logprobs(logits, rollout.responses)
        own = stage.policy.response_logits(rollout.batch, rollout.response_length)
        k1 = (token_logprobs(own, rollout.responses) - ref_logprobs).masked_fill(~rollout.mask, 0.0)
    for row, (probe_row, text) in enumerate(zip(answers.rows, answers.texts, strict=True)):
        yield SampleShown(
            step,
            probe_row.prompt_id,
            probe_row.turns[-1].content,
            text,
            score=float(scores[row]),
            kl=float(k1[row].sum()),
        )


def close(
    stage: PpoStage, run: Run, step: int, half_done: Rollout | None, *, is_complete: bool
) -> Iterator[TrainEvent]:
    """Checkpoint, models, last event; ``half_done`` is the rollout of a step stopped among its minibatches."""
    yield stage.progress(step, "save", 0.0)
    extra = half_done.tensors("rollout") if half_done is not None else None
    yield run.save(stage.trainee.checkpoint(step, extra))
    yield run.save_model(step, "policy", lambda folder: save_language_model(stage.policy, folder))
    yield run.save_model(step, "value", stage.value_model.save)
    if stage.ema is not None:
        ema = stage.ema
        yield run.save_model(step, "policy-ema", lambda folder: save_language_model(ema, folder))
    yield RunFinished(step, "completed" if is_complete else "stopped")
