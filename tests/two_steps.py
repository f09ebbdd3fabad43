"""Two small steps of each stage on the same few texts, for any model folder."""

from rlhf_studio.schema import (
    Answer,
    DemonstrationRow,
    PpoData,
    PromptRow,
    RankedRow,
    RewardData,
    SftData,
    TextRow,
    Turn,
)

QUESTIONS = ("Why is the sky blue?", "Write a story about a red hat.", "Name a fruit, please.", "Who are you?")
ANSWERS = ("Because of the air.", "A cat had a red hat. It was glad.", "An apple.", "I am a model, and you are not.")
_TURNS = tuple((Turn("user", question),) for question in QUESTIONS)
_TEXTS = tuple(TextRow("The cat sat on the mat and the dog sat by the door. " * 12) for _ in range(2))

SFT_DATA = SftData(
    train=tuple(DemonstrationRow(i, turns, ANSWERS[i]) for i, turns in enumerate(_TURNS)),
    valid=(DemonstrationRow(9, (Turn("user", "Name a colour."),), "Blue."),),
    pretraining_valid=_TEXTS,
)
REWARD_DATA = RewardData(
    train=tuple(
        RankedRow(i, turns, tuple(Answer(text) for text in ANSWERS), (2, 1, 3, 3)) for i, turns in enumerate(_TURNS)
    ),
    demonstrations=SFT_DATA.train,
)
PPO_DATA = PpoData(
    prompts=tuple(PromptRow(i, turns) for i, turns in enumerate(_TURNS)),
    pretraining=_TEXTS,
    pretraining_valid=_TEXTS,
)

COMMON = {"threads": 1, "device": "cpu", "micro_batch": 2}
SFT = {**COMMON, "epochs": 1, "batch_size": 2, "learning_rate": 1e-4, "dropout": 0.1}
REWARD = {**COMMON, "epochs": 1, "batch_size": 2, "learning_rate": 1e-4}
# one minibatch a step, so that the step's mean ratio is that of its first update
PPO = {
    **COMMON,
    "steps": 2,
    "batch_size": 4,
    "minibatch_size": 4,
    "epochs": 1,
    "learning_rate": 1e-4,
    "value_learning_rate": 1e-4,
    "max_new_tokens": 12,
    "ptx_coef": 0.2,
    "ptx_window": 16,
}
