import math

import pytest
import torch

from rlhf_studio.rl.masking import full_precision, masked_mean, masked_sum, masked_var, whiten

X = torch.tensor([[1.0, 2.0, 6.0, 50.0], [3.0, 70.0, 80.0, 90.0]])
MASK = torch.tensor([[True, True, True, False], [True, False, False, False]])
INSIDE = [1.0, 2.0, 6.0, 3.0]  # mean 3, squared deviations 4 + 1 + 9 + 0

REDUCTIONS = {
    "sum": masked_sum,
    "mean": masked_mean,
    "mean of a part": lambda x, mask: masked_mean(x, mask, 10),
    "variance": masked_var,
    "unbiased variance": lambda x, mask: masked_var(x, mask, unbiased=True),
    "whitened": whiten,
    "whitened, not shifted": lambda x, mask: whiten(x, mask, shift_mean=False),
    "whitened, unbiased": lambda x, mask: whiten(x, mask, unbiased=True),
}


def result_and_gradient(function, x, mask):
    x = x.clone().requires_grad_()
    result = function(x, mask)
    (result * torch.arange(1.0, 1 + result.numel()).view_as(result)).sum().backward()
    return result.detach(), x.grad


def test_reductions_of_four_cells():
    assert masked_sum(X, MASK).item() == 12
    assert masked_mean(X, MASK).item() == 3
    assert masked_var(X, MASK).item() == 3.5
    assert masked_var(X, MASK, unbiased=True).item() == pytest.approx(14 / 3)


def test_whitening_gives_mean_zero_and_deviation_one():
    white = whiten(X, MASK)
    assert white[MASK].mean().item() == pytest.approx(0, abs=1e-6)
    assert white[MASK].std(correction=0).item() == pytest.approx(1)
    assert (white[~MASK] == 0).all()
    for cell, given in zip(white[MASK].tolist(), INSIDE, strict=True):
        assert cell == pytest.approx((given - 3) / math.sqrt(3.5), abs=1e-6)


def test_whitening_can_keep_the_mean():
    white = whiten(X, MASK, shift_mean=False, unbiased=True)
    assert white[MASK].mean().item() == pytest.approx(3)
    assert white[MASK].std().item() == pytest.approx(1)
    assert (white[~MASK] == 0).all()


def test_whitening_equal_numbers_gives_zeros():
    assert (whiten(torch.full((2, 3), 0.1), torch.ones(2, 3, dtype=torch.bool)).abs() < 1e-3).all()
    assert whiten(torch.tensor([[7.0]]), torch.tensor([[True]])).item() == 0


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 1e9])
def test_padded_cells_reach_no_result_and_no_gradient(name, poison):
    clean, clean_gradient = result_and_gradient(REDUCTIONS[name], X.masked_fill(~MASK, 0.0), MASK)
    result, gradient = result_and_gradient(REDUCTIONS[name], X.masked_fill(~MASK, poison), MASK)
    assert torch.equal(result, clean)
    assert torch.equal(gradient, clean_gradient)
    assert (gradient[~MASK] == 0).all()
    assert gradient[MASK].isfinite().all()


@pytest.mark.parametrize("name", REDUCTIONS)
def test_more_padding_changes_nothing(name):
    result, gradient = result_and_gradient(REDUCTIONS[name], X, MASK)
    wide = torch.nn.functional.pad(X, (0, 3), value=5.0), torch.nn.functional.pad(MASK, (0, 3))
    wide_result = REDUCTIONS[name](*wide)
    torch.testing.assert_close(wide_result[:, :4] if wide_result.ndim else wide_result, result)
    if not result.ndim:
        torch.testing.assert_close(result_and_gradient(REDUCTIONS[name], *wide)[1][:, :4], gradient)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_gradients_match_finite_differences(name):
    x = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: REDUCTIONS[name](x, MASK), (x,))


@pytest.mark.parametrize("pieces", [1, 2, 4])
def test_means_of_micro_batches_add_up(pieces):
    x, mask = torch.randn(4, 6), torch.rand(4, 6) > 0.4
    parts = zip(x.chunk(pieces), mask.chunk(pieces), strict=True)
    total = sum(masked_mean(part, part_mask, mask.sum()) for part, part_mask in parts)
    torch.testing.assert_close(total, masked_mean(x, mask))


def test_an_empty_mask_is_not_hidden():
    assert masked_mean(X, torch.zeros_like(MASK)).isnan()
    assert masked_var(X[:1, :1], MASK[:1, :1], unbiased=True).isnan()


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"x is \(2, 4\) but mask is \(2, 3\)"):
        masked_mean(X, MASK[:, :3])


def test_half_precision_is_summed_in_float32():
    ones = torch.ones(1, 3000, dtype=torch.bfloat16)
    total = masked_sum(ones, torch.ones_like(ones, dtype=torch.bool))
    assert (total.item(), total.dtype) == (3000, torch.float32)
    assert full_precision(X) is X
    assert full_precision(X.double()).dtype == torch.float64
