import pytest
import torch

from rlhf_studio.lm.padding import left_pad, right_pad

ROWS = [[5, 6, 7], [8], []]


def test_left_pad():
    padded = left_pad(ROWS, 0)
    assert padded.tokens.tolist() == [[5, 6, 7], [0, 0, 8], [0, 0, 0]]
    assert padded.mask.tolist() == [[True] * 3, [False, False, True], [False] * 3]
    assert padded.positions.tolist() == [[0, 1, 2], [0, 0, 0], [0, 0, 0]]


def test_right_pad_to_a_length():
    padded = right_pad(ROWS, 9, length=4)
    assert padded.tokens.tolist() == [[5, 6, 7, 9], [8, 9, 9, 9], [9] * 4]
    assert padded.positions.tolist() == [[0, 1, 2, 3], [0, 1, 1, 1], [0] * 4]
    assert padded.tokens.dtype == torch.int64


def test_a_real_token_may_have_the_pad_id():
    assert left_pad([[0, 0], [0]], 0).mask.tolist() == [[True, True], [False, True]]


def test_a_row_longer_than_the_length_is_refused():
    with pytest.raises(ValueError, match="3 tokens does not fit into 2"):
        left_pad(ROWS, 0, length=2)


def test_nothing_to_pad():
    assert left_pad([], 0).tokens.shape == (0, 0)
