import torch
from torch import nn

from rlhf_studio.train.dropout import Cells, ResidualDropout, Span
from rlhf_studio.train.packing import Example, pack


def rows(count, kind=0):
    """A text of one token in each row."""
    return Cells((count, 1), [Span(row, 0, 1, row) for row in range(count)], kind)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.down_proj = nn.Linear(64, 64, bias=False)

    def forward(self, x):
        return self.down_proj(x)


def test_outputs_of_the_branch_are_dropped_and_the_rest_scaled_up():
    block = Block()
    dropout = ResidualDropout(block, 0.25, seed=3)
    x = torch.randn(200, 64)
    plain = block(x)
    with dropout.at(1, rows(200)):
        dropped = block(x)
    kept = dropped != 0
    assert 0.73 < kept.float().mean() < 0.77
    torch.testing.assert_close(dropped[kept], plain[kept] / 0.75)
    torch.testing.assert_close(block(x), plain)  # off outside the step


def test_the_mask_depends_on_the_step_and_the_kind_of_text_and_not_on_what_else_draws():
    block = Block()
    dropout = ResidualDropout(block, 0.5, seed=3)
    x = torch.randn(8, 64)
    with dropout.at(4, rows(8)):
        first = block(x)
    torch.rand(1000)  # somebody samples meanwhile
    before = torch.get_rng_state()
    with dropout.at(4, rows(8)):
        again = block(x)
    with dropout.at(5, rows(8)):
        other_step = block(x)
    with dropout.at(4, rows(8, kind=1)):
        windows = block(x)
    assert torch.equal(first, again)
    assert not torch.equal(first, other_step)
    assert not torch.equal(first, windows)
    assert torch.equal(before, torch.get_rng_state())


def test_each_branch_and_each_text_has_a_mask_of_its_own():
    blocks = nn.Sequential(Block(), Block())
    masks = []
    for block in blocks:
        block.register_forward_pre_hook(lambda *_: (torch.ones(2, 1, 64),))
        block.down_proj.weight.data.fill_(1.0)
    dropout = ResidualDropout(blocks, 0.5, seed=3)
    for block in blocks:
        block.register_forward_hook(lambda _, __, output: masks.append(output != 0))
    with dropout.at(1, rows(2)):
        blocks(torch.ones(2, 1, 64))
    flat = [mask[row].flatten() for mask in masks for row in range(2)]
    assert all(not torch.equal(a, b) for i, a in enumerate(flat) for b in flat[:i])


def test_an_example_drops_the_same_wherever_it_lies():
    """Alone, packed behind another one, or in a flattened batch."""
    block = Block()
    dropout = ResidualDropout(block, 0.5, seed=3)
    example, other = Example((5, 6), (7, 1)), Example((8,), (9, 9, 1, 3, 4))
    alone, packed = pack([example], 1), pack([other, example], 16)
    assert packed.tokens.shape == (1, 10)
    vectors = torch.randn(20, 64)
    with dropout.at(2, alone.cells([7])):
        expected = block(vectors[alone.tokens])[0]
    with dropout.at(2, packed.cells([4, 7])):
        found = block(vectors[packed.tokens])[0, 6:]
    torch.testing.assert_close(found, expected)
    with dropout.at(2, packed.cells([4, 7])):
        found = block(vectors[packed.tokens].flatten(0, 1))[6:]
    torch.testing.assert_close(found, expected)


def test_removing_it_leaves_the_module_as_it_was():
    block = Block()
    dropout = ResidualDropout(block, 0.9, seed=0)
    x = torch.randn(4, 64)
    dropout.remove()
    with dropout.at(1, rows(4)):
        assert (block(x) != 0).all()
    assert dropout.branches == 1
    assert ResidualDropout(nn.Linear(2, 2), 0.5, seed=0).branches == 0
