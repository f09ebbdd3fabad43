import torch
from torch import nn

from rlhf_studio.train.dropout import ResidualDropout


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
    with dropout.at(1):
        dropped = block(x)
    kept = dropped != 0
    assert 0.73 < kept.float().mean() < 0.77
    torch.testing.assert_close(dropped[kept], plain[kept] / 0.75)
    torch.testing.assert_close(block(x), plain)  # off outside the step


def test_the_mask_depends_on_the_step_and_not_on_what_else_draws():
    block = Block()
    dropout = ResidualDropout(block, 0.5, seed=3)
    x = torch.randn(8, 64)
    with dropout.at(4):
        first = block(x)
    torch.rand(1000)  # somebody samples meanwhile
    before = torch.get_rng_state()
    with dropout.at(4):
        again = block(x)
    with dropout.at(5):
        other = block(x)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())


def test_removing_it_leaves_the_module_as_it_was():
    block = Block()
    dropout = ResidualDropout(block, 0.9, seed=0)
    x = torch.randn(4, 64)
    dropout.remove()
    with dropout.at(1):
        assert (block(x) != 0).all()
    assert dropout.branches == 1
    assert ResidualDropout(nn.Linear(2, 2), 0.5, seed=0).branches == 0
