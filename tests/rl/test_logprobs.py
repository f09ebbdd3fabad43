import math

import pytest
import torch

from rlhf_studio.rl.logprobs import _pieces, entropy, token_logprobs


def reference(logits, tokens, temperature=1.0):
    """The plain way, through a whole log-softmax."""
    return torch.log_softmax(logits / temperature, dim=-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)


def example(*shape, dtype=torch.float32):
    logits = 3 * torch.randn(*shape, dtype=dtype)
    return logits.requires_grad_(), torch.randint(shape[-1], shape[:-1])


def test_two_tokens():
    logits = torch.tensor([[[math.log(3.0), 0.0], [0.0, 0.0]]])
    out = token_logprobs(logits, torch.tensor([[0, 1]]))
    torch.testing.assert_close(out, torch.tensor([[0.75, 0.5]]).log())


def test_temperature_divides_the_logits():
    logits = torch.tensor([[[math.log(9.0), 0.0]]])
    assert token_logprobs(logits, torch.tensor([[0]]), temperature=2.0).exp().item() == pytest.approx(0.75)
    assert entropy(logits, temperature=1e6).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("chunk", [None, 1, 2, 3, 4, 7, 8, 1000])
def test_pieces_change_neither_result_nor_gradient(chunk, temperature):
    logits, tokens = example(3, 4, 11)
    expected = reference(logits, tokens, temperature)
    weights = torch.randn(3, 4)
    (expected_gradient,) = torch.autograd.grad((expected * weights).sum(), logits)
    out = token_logprobs(logits, tokens, temperature=temperature, chunk=chunk)
    (gradient,) = torch.autograd.grad((out * weights).sum(), logits)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(gradient, expected_gradient)


def test_a_view_of_longer_logits_serves_as_well():
    logits, tokens = example(2, 6, 5)
    out = token_logprobs(logits[:, 1:-1], tokens[:, 1:-1], chunk=3)
    torch.testing.assert_close(out, reference(logits, tokens)[:, 1:-1])
    out.sum().backward()
    assert (logits.grad[:, [0, -1]] == 0).all()
    assert logits.grad[:, 1:-1].abs().sum() > 0


def test_gradient_matches_finite_differences():
    logits, tokens = example(2, 3, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: token_logprobs(x, tokens, temperature=0.8, chunk=2), (logits,))
    assert torch.autograd.gradcheck(lambda x: entropy(x, temperature=0.8), (logits,))


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 1e9])
def test_cells_that_are_masked_later_get_no_gradient(poison):
    logits, tokens = example(2, 3, 4)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    dirty = logits.detach().masked_fill(~mask.unsqueeze(-1), poison).requires_grad_()
    for x in (logits, dirty):
        token_logprobs(x, tokens).masked_fill(~mask, 0.0).sum().backward()
    assert torch.equal(dirty.grad, logits.grad)
    assert (dirty.grad[~mask] == 0).all()


def test_half_precision_is_computed_in_float32():
    logits, tokens = example(2, 3, 1000)
    half = logits.detach().bfloat16().requires_grad_()
    out = token_logprobs(half, tokens)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out, reference(half.detach().float(), tokens))
    out.sum().backward()
    assert half.grad.dtype == torch.bfloat16


def test_large_logits_keep_their_digits():
    logits = torch.tensor([[[1e4, 1e4 - 1.0]]])
    assert token_logprobs(logits, torch.tensor([[1]])).item() == pytest.approx(-1 - math.log1p(math.exp(-1)), abs=1e-6)


def test_impossible_tokens():
    logits = torch.tensor([[[0.0, 0.0, -torch.inf]]], requires_grad=True)
    assert token_logprobs(logits, torch.tensor([[2]])).item() == -torch.inf
    assert entropy(logits).item() == pytest.approx(math.log(2))
    (token_logprobs(logits, torch.tensor([[0]])) + entropy(logits)).sum().backward()
    torch.testing.assert_close(logits.grad, torch.tensor([[[0.5, -0.5, 0.0]]]))


def test_nothing_in_nothing_out():
    assert token_logprobs(torch.zeros(2, 0, 5), torch.zeros(2, 0, dtype=torch.int64)).shape == (2, 0)


def test_one_token_for_each_distribution():
    with pytest.raises(ValueError, match=r"logits are \(2, 3, 4\) but tokens are \(2, 2\)"):
        token_logprobs(torch.zeros(2, 3, 4), torch.zeros(2, 2, dtype=torch.int64))


def test_entropy_of_uniform_and_certain():
    logits = torch.tensor([[[0.0] * 8, [100.0] + [0.0] * 7]])
    torch.testing.assert_close(entropy(logits), torch.tensor([[math.log(8), 0.0]]))


def test_no_second_tensor_of_the_logits_size_is_made():
    """What is alive between the passes: the logits that were given, and (B, T) numbers."""
    logits, tokens = example(4, 8, 512)
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x) or x, lambda x: x):
        token_logprobs(logits, tokens)
    assert [x.data_ptr() for x in saved if x.numel() == logits.numel()] == [logits.data_ptr()]


@pytest.mark.parametrize("shape", [(3, 4), (1, 7), (5, 1)])
@pytest.mark.parametrize("chunk", [1, 3, 4, 9, 100])
def test_pieces_cover_each_cell_once_and_stay_small(shape, chunk):
    seen = torch.zeros(shape)
    for piece in _pieces(seen.shape, chunk):
        assert 0 < seen[piece].numel() <= chunk
        seen[piece] += 1
    assert (seen == 1).all()
