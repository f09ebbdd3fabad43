"""A project's labels as the data of one run, read once at its start."""

from collections.abc import Callable, Mapping

from rlhf_studio.errors import DataError
from rlhf_studio.jobs.refit import drawn, refit_data
from rlhf_studio.jobs.run_file import stage_settings
from rlhf_studio.schema import PpoData, PromptRow, RewardData, RunKind, RunSpec, SftData, TextRow
from rlhf_studio.settings import PpoSettings, RewardSettings, RlStartSettings, SftSettings, TrainSettings
from rlhf_studio.store.bundle import pretraining_rows
from rlhf_studio.store.project import Store


def prepare(store: Store, spec: RunSpec) -> SftData | RewardData | PpoData:
    """Read what a stage needs, and see that it is there. Held-out rows may be missing; the trainer says so then.

    Raises:
        DataError: With the counts and what to do, if the stage has nothing to learn from.
    """
    if spec.kind not in _BUILDERS:
        raise DataError(f"A {spec.kind} run reads no project. Name its text files instead.")
    settings = stage_settings(spec)
    if isinstance(settings, RewardSettings) and "from" in spec.models:
        return refit_data(store, settings, store.folder / spec.models["from"])
    return _BUILDERS[spec.kind](store, settings)


def _sft(store: Store, settings: TrainSettings) -> SftData:
    train, valid = store.demonstration_rows("train"), store.demonstration_rows("valid")
    if not train:
        raise DataError(
            f"SFT needs demonstrations; this project has {len(train)} to train on and {len(valid)} held out. "
            "Write an answer to some prompts of the training split."
        )
    share = settings.pretraining_share if isinstance(settings, SftSettings) else 0.0
    texts = pretraining_rows(store.folder, "train") if share else ()
    who = "the RL start" if isinstance(settings, RlStartSettings) else "SFT"
    _check_texts(texts, share, f"The pretraining mix of {who} (share {share:g})", "set pretraining_share to 0")
    return SftData(
        train=train,
        valid=valid,
        probes=store.prompt_rows("probe"),
        pretraining=texts,
        pretraining_valid=pretraining_rows(store.folder, "valid"),
    )


def _reward(store: Store, settings: TrainSettings) -> RewardData:
    train, valid = store.ranked_rows("train"), store.ranked_rows("valid")
    most = settings.max_rankings if isinstance(settings, RewardSettings) else 0
    train = drawn(train, most, settings.seed)
    if not any(len(set(row.ranks)) > 1 for row in train):
        why = f"{len(train)} to train on" + (", in which all answers are tied," if train else "")
        raise DataError(
            f"The reward model needs rankings; this project has {why} and {len(valid)} held out. "
            "Rank at least two answers to some prompts of the training split, one better than another."
        )
    return RewardData(train=train, valid=valid, demonstrations=store.demonstration_rows("train"))


def _ppo(store: Store, settings: TrainSettings) -> PpoData:
    prompts = store.prompt_rows("ppo", "train")
    if not prompts:
        counts = store.counts()
        raise DataError(
            f"PPO needs prompts; this project has {len(prompts)} for it in the training split "
            f"({counts.by_purpose['ppo']} for PPO in all splits, {counts.prompts} prompts in all). "
            "Mark some prompts for PPO, or write new ones."
        )
    texts = pretraining_rows(store.folder, "train")
    gamma = settings.ptx_coef if isinstance(settings, PpoSettings) else 0.0
    _check_texts(texts, gamma, f"PPO-ptx (gamma {gamma:g})", "set ptx_coef to 0 for plain PPO")
    return PpoData(
        prompts=prompts,
        probes=store.prompt_rows("probe"),
        pretraining=texts,  # also for plain PPO: ptx may be switched on while it runs
        pretraining_valid=pretraining_rows(store.folder, "valid"),
        prompts_valid=_held_out_prompts(store, settings),
    )


def _held_out_prompts(store: Store, settings: TrainSettings) -> tuple[PromptRow, ...]:
    """Those that choose the best policy, if one is to be chosen."""
    if not isinstance(settings, PpoSettings) or not settings.best_kl:
        return ()
    prompts = store.prompt_rows("ppo", "valid")
    if not prompts:
        raise DataError(
            f"The best policy is chosen by held-out prompts and this project has {len(prompts)} for PPO in the "
            "validation split. Put some there, or set best_kl to 0."
        )
    return prompts


def _check_texts(texts: tuple[TextRow, ...], weight: float, who: str, way_out: str) -> None:
    if weight and not texts:
        raise DataError(
            f"{who} needs pretraining text and this project has {len(texts)} documents to train on. "
            f"Add text to the project, or {way_out}."
        )


_BUILDERS: Mapping[RunKind, Callable[[Store, TrainSettings], SftData | RewardData | PpoData]] = {
    "sft": _sft,
    "rl-start": _sft,
    "reward": _reward,
    "ppo": _ppo,
}
