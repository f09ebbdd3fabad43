"""The smallest things that can be trained, and a run that lives in memory."""

import copy
import math
from types import SimpleNamespace

import torch
from torch import nn

from rlhf_studio.errors import RunError
from rlhf_studio.events import CheckpointSaved, ModelSaved, RolloutSaved
from rlhf_studio.train.run import Checkpoint


class MemoryRun:
    """Keeps copies of checkpoints and rollouts; models are not written unless a folder is given."""

    def __init__(self, folder=None):
        self.checkpoints = []
        self.rollouts = {}
        self.models = {}
        self.kept_weights = {}
        self.folder = folder

    def latest(self):
        return self.checkpoints[-1] if self.checkpoints else None

    def save(self, checkpoint):
        tensors = {name: tensor.detach().clone() for name, tensor in checkpoint.tensors.items()}
        self.checkpoints.append(Checkpoint(checkpoint.step, tensors, copy.deepcopy(dict(checkpoint.state))))
        return CheckpointSaved(checkpoint.step, f"memory-{len(self.checkpoints)}")

    def keep_weights(self, step, tensors):
        self.kept_weights[step] = {name: tensor.detach().clone() for name, tensor in tensors.items()}

    def weights(self, step):
        if step not in self.kept_weights:
            raise RunError(f"no weights of step {step}")
        return self.kept_weights[step]

    def drop_weights(self, but):
        self.kept_weights = {step: kept for step, kept in self.kept_weights.items() if step == but}

    def save_rollout(self, step, arrays):
        self.rollouts[step] = dict(arrays)
        return RolloutSaved(step, str(step))

    def save_model(self, step, name, write):
        self.models[name] = step
        if self.folder is not None:
            write(self.folder / name)
        return ModelSaved(step, name, name)


class FixedLogits(nn.Module):
    """A language model that gives each next token the same probabilities, whatever went before."""

    def __init__(self, probabilities):
        super().__init__()
        self.bias = nn.Parameter(torch.tensor(probabilities).log())

    def forward(
        self,
        input_ids,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        use_cache=False,
        logits_to_keep=0,
    ):
        logits = self.bias.expand(*input_ids.shape, len(self.bias))
        return SimpleNamespace(logits=logits[:, -logits_to_keep:] if logits_to_keep else logits, past_key_values=None)


class NumberCodec:
    """Texts are numbers separated by spaces; nothing ends a text."""

    eos_id = 10_000
    pad_id = 0
    template_name = "own"

    def __init__(self, vocab_size):
        self.vocab_size = vocab_size

    def encode_text(self, text):
        return [int(word) for word in text.split()]

    def encode_prompt(self, turns):
        return self.encode_text(turns[-1].content)

    def encode_documents(self, texts):
        return [self.encode_text(text) for text in texts]

    def decode(self, ids):
        return " ".join(str(i) for i in ids)


class TokenScores:
    """A reward model that looks the last token up in a table; its copy is a constant value network."""

    context_length = 64
    score_std = 1e6  # a value clip that never bites

    def __init__(self, rewards, codec):
        self.rewards = torch.tensor(rewards)
        self.codec = codec
        self.module = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.module.weight)

    def to(self, *_args, **_kwargs):
        return self

    def clone(self):
        return copy.deepcopy(self)

    def scores(self, batch):
        last = batch.tokens.shape[1] - 1 - batch.mask.flip(1).int().argmax(dim=1)
        return self.rewards[batch.tokens.gather(1, last[:, None]).squeeze(1)]

    def values(self, batch, response_length):
        ones = torch.ones(len(batch.tokens), response_length, 1)
        return self.module(ones).squeeze(2)

    def save(self, folder):
        raise NotImplementedError


def total_variation(p, q):
    return 0.5 * sum(abs(a - b) for a, b in zip(p, q, strict=True))


def nats(probabilities, reference):
    return sum(p * math.log(p / q) for p, q in zip(probabilities, reference, strict=True))


def drain(generator):
    """What a generator returns; what it yields is let go."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value
