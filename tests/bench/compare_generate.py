"""Our sampler against transformers' ``generate``: same model, prompts, length, threads and dtype, taken in turns.

python tests/bench/compare_generate.py [--batch 64] [--prompt 24] [--answer 32] [--threads 1] [--rounds 7]
"""

import argparse
import statistics
import time
from types import SimpleNamespace

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from rlhf_studio.lm.generate import collect, generate, uniforms
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.schema import Sampling


def build(context):
    """A Llama of width 128, 4 layers, 4 heads and vocabulary 4096 with random weights, in float32."""
    config = LlamaConfig(
        vocab_size=4096,
        hidden_size=128,
        intermediate_size=344,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        attn_implementation="sdpa",
    )
    torch.manual_seed(0)
    module = LlamaForCausalLM(config).eval()
    # nothing ends an answer: both sides sample every position of every row
    return LanguageModel(module, SimpleNamespace(eos_id=-1, pad_id=0), context, None)


def ours(lm, prompts, answer, step):
    sampling = Sampling(max_new_tokens=answer)
    return collect(generate(lm, prompts, sampling, uniforms(0, step, range(len(prompts)), answer))).tokens


def theirs(lm, prompts, answer):
    ids = torch.tensor(prompts)
    options = {"max_new_tokens": answer, "do_sample": True, "top_k": 0, "eos_token_id": None, "pad_token_id": 0}
    with torch.no_grad():
        return lm.module.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options)[:, ids.shape[1] :]


def compare(batch, prompt, answer, threads, rounds):
    torch.set_num_threads(threads)
    lm = build(prompt + answer)
    prompts = torch.randint(1, 4096, (batch, prompt)).tolist()
    sides = {
        "rlhf_studio": lambda i: ours(lm, prompts, answer, i),
        "transformers": lambda _: theirs(lm, prompts, answer),
    }
    seconds = {name: [] for name in sides}
    for i in range(rounds + 1):
        for name, run in sides.items():
            start = time.perf_counter()
            tokens = run(i)
            seconds[name].append(time.perf_counter() - start)
            assert tokens.shape == (batch, answer)
    return {name: times[1:] for name, times in seconds.items()}  # the first round warms up


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in {"batch": 64, "prompt": 24, "answer": 32, "threads": 1, "rounds": 7}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    print(f"Llama 128/4/4, vocabulary 4096, float32, {vars(options)}")
    seconds = compare(**vars(options))
    print(f"{'sampler':<14}{'median ms':>11}{'best ms':>10}{'tokens/s':>10}")
    for name, times in seconds.items():
        median = statistics.median(times)
        rate = options.batch * options.answer / median
        print(f"{name:<14}{1000 * median:>11.1f}{1000 * min(times):>10.1f}{rate:>10.0f}")
    ratio = statistics.median(seconds["transformers"]) / statistics.median(seconds["rlhf_studio"])
    print(f"rlhf_studio is {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
