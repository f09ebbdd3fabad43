import torch

from rlhf_studio.train.packing import Example, pack, place


def test_first_fit_decreasing_fills_rows():
    assert place([3, 7, 5, 2, 3], 10) == [[1, 0], [2, 4, 3]]
    assert place([12, 1], 10) == [[0], [1]]  # longer than a row: a row of its own
    assert place([2, 2], 1) == [[0], [1]]  # capacity 1 switches packing off


def test_a_packed_row_by_hand():
    rows = pack([Example((5, 6), (7, 1)), Example((8,), (9, 9, 1))], 8)
    assert rows.tokens.tolist() == [[5, 6, 7, 1, 8, 9, 9, 1]]
    assert rows.segments.tolist() == [[1, 1, 1, 1, 2, 2, 2, 2]]
    assert rows.positions.tolist() == [[0, 1, 2, 3, 0, 1, 2, 3]]
    assert rows.loss_mask.int().tolist() == [[0, 1, 1, 0, 1, 1, 1]]


def test_an_example_sees_only_its_own_past():
    rows = pack([Example((5,), (7,)), Example((8,), (9,))], 4)
    sees = (rows.attention_bias(torch.float32)[0, 0] == 0).int().tolist()
    assert sees == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]
