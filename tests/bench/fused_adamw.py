"""One step of AdamW, fused and not, over the same number of weights, in turns.

python tests/bench/fused_adamw.py [--millions 33] [--threads 1] [--rounds 5]
"""

import argparse
import statistics
import time

import torch

_SIDE = 2048


def optimizer(count, *, is_fused):
    parameters = [torch.nn.Parameter(torch.randn(_SIDE, _SIDE)) for _ in range(count)]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    found = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.95), eps=1e-5, fused=is_fused)
    found.step()  # makes the moments
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=int, default=33)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    count = max(1, args.millions * 10**6 // _SIDE**2)
    sides = {name: optimizer(count, is_fused=name == "fused") for name in ("plain", "fused")}
    seconds = {name: [] for name in sides}
    for _ in range(args.rounds):
        for name, side in sides.items():
            began = time.perf_counter()
            side.step()
            seconds[name].append(time.perf_counter() - began)
    plain, fused = (statistics.median(seconds[name]) for name in ("plain", "fused"))
    millions = count * _SIDE**2 / 1e6
    print(f"{millions:.0f}M weights, {args.threads} threads: {1000 * plain:.0f} ms, fused {1000 * fused:.0f} ms")
    print(f"fused {plain / fused:.2f} times as fast")


if __name__ == "__main__":
    main()
