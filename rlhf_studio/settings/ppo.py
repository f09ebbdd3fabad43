"""PPO and PPO-ptx (InstructGPT, section 3.5 and appendix C.4)."""

from typing import Literal

from rlhf_studio.settings.base import NO_UNIT, TrainSettings, option

# what a person may change while a run goes on; the run's checkpoints hold it from then on
STEERABLE = ("kl_coef", "ptx_coef", "learning_rate", "value_learning_rate", "clip", "kl_stop")


class PpoSettings(TrainSettings):
    """The third stage: the policy learns to score well without leaving its start too far."""

    steps: int = option(
        30,
        "Steps",
        "Each samples one batch of answers and learns from it.",
        unit="steps",
        paper="500 (256k episodes by 512; C.4)",
        simple=True,
        ge=1,
        le=1_000_000,
    )
    batch_size: int = option(
        64, "Batch", "Answers sampled per step.", unit="episodes", paper="512 (C.4)", simple=True, ge=1, le=65536
    )
    minibatch_size: int = option(
        32, "Minibatch", "Episodes per optimizer step.", unit="episodes", paper="64 (C.4)", ge=1, le=65536
    )
    epochs: int = option(
        2,
        "Inner epochs",
        "Passes over one batch. More learn faster from few episodes and drift further from the sampled policy.",
        unit="passes",
        paper="1 (C.4)",
        ge=1,
        le=64,
    )
    learning_rate: float = option(
        1.1e-4,
        "Policy learning rate",
        "Constant after the warm-up. Tried on the bundled model from 1e-4 to 3e-4 (resources/docs/LOG.md).",
        paper="swept 2.55e-6 to 2.55e-5; the one used is not stated (C.4)",
        simple=True,
        gt=0,
        le=1,
        unit=NO_UNIT,
    )
    value_learning_rate: float = option(
        1e-3, "Value learning rate", "Of the separate value network.", paper="9e-6 (C.4)", gt=0, le=1, unit=NO_UNIT
    )
    warmup_steps: int = option(
        10,
        "Warm-up",
        "The rates rise linearly from a tenth to their peak over so many steps.",
        unit="steps",
        paper="10 iterations from 1/10 (C.4)",
        ge=0,
    )
    kl_coef: float = option(
        0.17,
        "KL penalty (beta)",
        "Reward lost per nat that the policy leaves its start. 0 lets it hack the reward model; 0.05 did so with "
        "an earlier bundled model and 400 rankings.",
        unit="reward per nat",
        paper="0.02 (C.4)",
        simple=True,
        ge=0,
    )
    kl_target: float = option(
        0.0,
        "Wanted KL",
        "Above 0, beta follows the KL: after each step it grows or shrinks so that the KL drifts towards this value. "
        "0 leaves beta fixed. OpenAI's earlier code wanted 6.",
        unit="nats per answer",
        paper="beta is fixed (C.4)",
        ge=0,
    )
    kl_horizon: float = option(
        10_000.0,
        "Horizon of beta",
        "Episodes over which beta may change by about a fifth while it follows a wanted KL. Ours is that of OpenAI's "
        "earlier code, which sampled two million episodes; a short run wants less.",
        unit="episodes",
        gt=0,
        ours="OpenAI's earlier code (Ziegler et al. 2019).",
    )
    kl_stop: float = option(
        0.0,
        "Stop above a KL of",
        "The run ends after the first step whose answers are further from its start than this. 0 never stops it.",
        unit="nats per answer",
        ge=0,
        ours="Off, since the paper runs to the end.",
    )
    ptx_coef: float = option(
        0.2,
        "Pretraining coefficient (gamma)",
        "Weight of the log-likelihood of pretraining text; 0 is plain PPO. Ours multiplies a mean over tokens; "
        "the paper does not say what its 27.8 multiplies.",
        paper="27.8 (C.4), reduction not stated",
        simple=True,
        ge=0,
        unit=NO_UNIT,
    )
    ptx_ratio: float = option(
        0.5,
        "Pretraining ratio",
        "Pretraining windows per episode.",
        unit="windows per episode",
        paper="8 (C.4)",
        gt=0,
        le=64,
    )
    ptx_window: int = option(
        64,
        "Pretraining window",
        "Length of one window.",
        unit="tokens",
        ge=2,
        le=65536,
        ours="Ours: a quarter of the bundled models' context.",
    )
    ptx_norm_ratio: float = option(
        0.0,
        "Pretraining gradient's share",
        "Above 0, gamma is set anew in each minibatch so that the pretraining gradient is this many times as long as "
        "the policy's; gamma then only has to be above 0 to switch PPO-ptx on. 0 keeps gamma as it is.",
        unit="policy gradients",
        ge=0,
        le=100,
        ours="Off, since the paper fixes gamma.",
    )
    clip: float = option(
        0.2, "Policy clip", "Half-width of the trust region on the ratio.", paper="0.2 (C.4)", gt=0, unit=NO_UNIT
    )
    value_clip: float = option(
        0.2,
        "Value clip",
        "Half-width of the value's trust region, in standard deviations of the reward model's scores, "
        "or of a script's marks in the first batch.",
        unit="standard deviations of the scores",
        gt=0,
        ours="OpenAI's earlier code clips at 0.2 in units of reward; ours scales with the scores.",
    )
    gamma: float = option(
        1.0, "Discount", "Per token; 1 is none.", paper="1, no discount (C.4)", gt=0, le=1, unit=NO_UNIT
    )
    lam: float = option(
        0.95,
        "GAE lambda",
        "Trades variance (1) against the value network's bias (0). Ours is that of Stiennon et al. 2020.",
        ge=0,
        le=1,
        unit=NO_UNIT,
        ours="Stiennon et al. 2020.",
    )
    whiten_advantages: bool = option(
        True,
        "Whiten advantages",
        "Shift and scale the advantages of a batch to mean 0, deviation 1. Common practice.",
        ours="Common practice, as in OpenAI's earlier code.",
    )
    start: Literal["sft", "rl-start"] = option(
        "sft",
        "Start",
        "The model that PPO begins with and its KL is measured from: the SFT model, which saves a run in small "
        "projects, or an RL start, which is trained anew from the base model with pretraining text mixed in.",
        paper="a model of its own, 2 epochs from the base with 10 % pretraining text (C.3)",
    )
    reward_source: Literal["model", "happy", "brief"] = option(
        "model",
        "Reward",
        "What scores the answers that PPO learns from: the reward model, or the script of a target of simulated "
        "rankings, which knows what it likes (a gold reward).",
        paper="the reward model (3.5)",
    )
    watching: Literal["none", "model", "happy", "brief"] = option(
        "none",
        "Watching reward",
        "Scores the same answers beside it and is shown only: where the reward rises and this one falls, the policy "
        "games its reward (Gao et al. 2022). A script's marks go from 0 to 1.",
        ours="Ours, off: it changes no training.",
    )
    script_scale: float = option(
        4.0,
        "Scale of a script",
        "A script's marks from 0 to 1 are multiplied by this where they train. Times 4, those of the example's ranked "
        "answers spread as the scores of its reward model do (0.24 to 0.31 before, 1.1).",
        unit="reward per mark",
        gt=0,
        le=1000,
        ours="Measured on the example's ranked answers.",
    )
    whiten_rewards: bool = option(
        False,
        "Whiten rewards",
        "Scale the rewards of a batch, with their KL penalty, to deviation 1 without shifting them, before advantages "
        "are estimated. Done in OpenAI's earlier code; Huang et al. 2024 saw shorter answers from it.",
        ours="Off, for shorter answers came of it elsewhere.",
    )
    score_clip: float = option(
        0.0,
        "Clip of the scores",
        "Scores further from 0 than this count as this much. 0 leaves them as they are; OpenRLHF clips at 10 in units "
        "of reward.",
        unit="standard deviations of the scores",
        ge=0,
        ours="Off, since the paper clips none.",
    )
    max_new_tokens: int = option(
        48, "Longest answer", "Answers are cut here.", unit="tokens", paper="1024 (C)", simple=False, ge=1, le=32768
    )
    missing_eos_penalty: float = option(
        0.0,
        "Penalty without an end",
        "Taken from the score of an answer that hit the length limit, in standard deviations of the scores.",
        unit="standard deviations of the scores",
        ge=0,
        ours="Off, since the paper takes none.",
    )
    ema_decay: float = option(
        0.992,
        "EMA of the weights",
        "Decay per optimizer step of the average saved beside the raw weights; never sampled from. 0 switches it off.",
        paper="0.992 (C.4)",
        ge=0,
        lt=1,
        unit=NO_UNIT,
    )
    best_kl: float = option(
        0.0,
        "Best policy below a KL of",
        "Above 0, held-out prompts are answered with each probe. Of the policies no further from their start than "
        "this, the one that scores best is kept as the model policy-best, with step, score and KL on its card.",
        unit="nats per answer",
        paper="chosen by people's ratings (C.4)",
        ge=0,
    )
    alarm: bool = option(
        True,
        "Alarm",
        "Tell, with examples, when the answers of the last three steps show signs of gaming the reward beside those of "
        "the first three: they repeat themselves, have another length, do not end, become alike, or the watching "
        "reward falls while the reward rises. The window pauses the run then.",
        ours="Ours: it changes no training.",
    )
    checkpoint_steps: int = option(
        10,
        "Checkpoint every n-th step",
        "These stay to fork from, beside those that are taken by the clock. 0 takes none by steps.",
        ours="A trade of disk space for places to fork from.",
        unit="steps",
        ge=0,
    )
    fork_points: int = option(
        3,
        "Checkpoints to fork from",
        "So many of them stay at most, spread over the run: where there would be more, every second one is removed.",
        ours="A trade of disk space for places to fork from.",
        unit="checkpoints",
        ge=1,
        le=10_000,
    )
    rollout_every: int = option(
        10,
        "Keep rollouts",
        "Save the tokens and numbers of every n-th step.",
        unit="steps",
        ge=1,
        ours="Ours: a trade of disk space for detail.",
    )
    probe_every: int = option(
        5,
        "Probe every",
        "Answer the probe prompts every n-th step.",
        unit="steps",
        ge=1,
        ours="Ours: a trade of time for detail.",
    )
