from itertools import pairwise

import pytest
import torch

from rlhf_studio.rl.repetition import repeated_pairs


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([[5, 6, 7, 8]], [0.0]),
        ([[1, 1, 1, 1]], [2 / 3]),  # one pair, three times
        ([[0, 1, 0, 1, 0]], [0.5]),
        ([[3], [], [0, 0]], [0.0, 0.0, 0.0]),
    ],
)
def test_by_hand(texts, expected):
    width = max(map(len, texts))
    tokens = torch.tensor([[*text, *[1] * (width - len(text))] for text in texts])
    mask = torch.tensor([[i < len(text) for i in range(width)] for text in texts])
    assert repeated_pairs(tokens, mask).tolist() == pytest.approx(expected)


def test_against_sets_of_pairs():
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, 5, (40, 17), generator=generator)
    lengths = torch.randint(1, 18, (40,), generator=generator)
    mask = torch.arange(17) < lengths[:, None]
    expected = []
    for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True):
        pairs = list(pairwise(row[:length]))
        expected.append(1 - len(set(pairs)) / len(pairs) if pairs else 0.0)
    assert repeated_pairs(tokens, mask).tolist() == pytest.approx(expected, abs=1e-6)
