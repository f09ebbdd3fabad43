"""The numbers of the PPO update that is timed, shared by both sides; runs in TRL's environment too."""

import argparse
import dataclasses
import json
import random
import statistics
import time
from itertools import pairwise

import torch


@dataclasses.dataclass(frozen=True)
class Case:
    """One PPO update: sample, score, four inner epochs. Both sides get exactly these numbers."""

    episodes: int = 64
    prompt: int = 24
    answer: int = 32
    epochs: int = 4
    minibatch: int = 64
    hidden: int = 128
    layers: int = 4
    heads: int = 4
    ffn: int = 344
    vocab: int = 4096
    updates: int = 8  # measured
    drop: int = 2  # before them, not measured
    threads: int = 2
    seed: int = 1

    def command_line(self):
        """The options that give this case again."""
        return [f"--{name}={value}" for name, value in dataclasses.asdict(self).items()]


def add_options(parser):
    for field in dataclasses.fields(Case):
        parser.add_argument(f"--{field.name}", type=int, default=field.default)


def case_from(args):
    return Case(**{field.name: getattr(args, field.name) for field in dataclasses.fields(Case)})


def parse_case(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    return case_from(parser.parse_args())


def llama_config(case, **changes):
    """A Llama with tied embeddings, random weights to be, float32, SDPA attention."""
    from transformers import LlamaConfig

    options = {
        "vocab_size": case.vocab,
        "hidden_size": case.hidden,
        "intermediate_size": case.ffn,
        "num_hidden_layers": case.layers,
        "num_attention_heads": case.heads,
        "num_key_value_heads": case.heads,
        "max_position_embeddings": case.prompt + case.answer + 8,
        "tie_word_embeddings": True,
        "attention_dropout": 0.0,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
        "attn_implementation": "sdpa",
    }
    return LlamaConfig(**{**options, **changes})


def prompts_of(case):
    """As many prompts as one update takes, all of one length; without token 0, which TRL would take as padding."""
    chance = random.Random(case.seed)
    return [[chance.randrange(1, case.vocab) for _ in range(case.prompt)] for _ in range(case.episodes)]


class Stopwatch:
    """Marks the ends of updates, in wall time and in CPU time of this process, and counts the sampling in between."""

    def __init__(self):
        self.ends, self.cpu_ends, self.sampling = [], [], []

    def mark(self):
        """An update ends here and the next one begins; the first mark is the start."""
        self.ends.append(time.perf_counter())
        self.cpu_ends.append(time.process_time())

    def report(self, case, side, **more):
        """Print the last line of a side: seconds of every measured update, and of the sampling inside it."""
        seconds, cpu = ([b - a for a, b in pairwise(ends)][case.drop :] for ends in (self.ends, self.cpu_ends))
        line = {
            "side": side,
            "seconds": seconds,
            "sampling": self.sampling[case.drop :],
            "cpu": cpu,
            "median": statistics.median(seconds),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            **more,
        }
        print(json.dumps(line), flush=True)
