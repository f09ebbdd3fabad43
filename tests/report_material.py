"""A small made-up report."""

import math

from rlhf_studio.report.curves import Curve
from rlhf_studio.report.material import (
    ModelFigures,
    ProbeAnswer,
    ProbeComparison,
    Provenance,
    Report,
    StageFacts,
)
from rlhf_studio.schema import Turn


def curve(function, last, every=1):
    steps = tuple(range(0, last + 1, every))
    return Curve(steps, tuple(function(step) for step in steps))


def ppo_stage(key, text_loss):
    return StageFacts(
        key,
        "ppo",
        {
            "objective/scores": curve(lambda i: 2 - 2 * math.exp(-i / 6), 30),
            "objective/kl": curve(lambda i: 8 - 8 * math.exp(-i / 8), 30),
            "loss/text_valid": curve(lambda i: 4.2 - (4.2 - text_loss) * i / 30, 30, 5),
        },
        {"kl_coef": 0.07},
        {"prompts": 220},
        steps=30,
        seconds=62.0,
        device="cpu",
        precision="float32",
        run=f"{key}-run",
    )


def stages():
    sft = StageFacts(
        "sft",
        "sft",
        {
            "loss/train": curve(lambda i: 3 * math.exp(-i / 40), 60),
            "loss/valid": curve(lambda i: 3.2 * math.exp(-i / 40), 60, 10),
            "loss/text_valid": Curve((0, 60), (3.42, 4.2)),
        },
        {},
        {"demonstrations": 405, "held out": 45},
        steps=60,
        seconds=13.5,
        run="sft-run",
    )
    reward = StageFacts(
        "reward",
        "reward",
        {"loss/train": curve(lambda i: 0.7 * math.exp(-i / 40), 20), "accuracy/valid": Curve((0, 20), (0.5, 0.9))},
        {},
        {"rankings": 150},
        steps=20,
        seconds=8.0,
        run="reward-run",
    )
    return (sft, reward, ppo_stage("ppo", 4.23), ppo_stage("ppo-ptx", 3.44))


def probe(prompt, *answers):
    keys = ("base", "sft", "ppo", "ppo-ptx")
    return ProbeComparison(
        (Turn("user", prompt),),
        "generation",
        {key: ProbeAnswer(text, 0.5, 1.0) for key, text in zip(keys, answers, strict=True)},
    )


def report(**changes):
    values = {
        "stages": stages(),
        "models": (
            ModelFigures("base", -1.2, 14.2, 3.42, 47, 0.04),
            ModelFigures("sft", -0.1, 0.0, 4.17, 33, 0.97),
            ModelFigures("ppo", 1.85, 8.1, 4.23, 31, 1.0),
            ModelFigures("ppo-ptx", 1.78, 8.4, 3.44, 32, 0.99),
        ),
        "probes": (probe("Write about a hat.", "A", "B", "C", "D"),),
        "provenance": Provenance("Tiny tales", "tiny", {"SFT data": "cd" * 32}, {"torch": "2.13"}, 150, 150, "today"),
        "held_out_prompts": 64,
    }
    return Report(**{**values, **changes})
