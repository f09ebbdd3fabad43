import pytest
import torch

from rlhf_studio.errors import DataError
from rlhf_studio.lm.architecture import has_induction_start, let_roles_read_as_newline, new_language_model
from rlhf_studio.settings import PretrainSettings

SMALL = {"hidden_size": 32, "layers": 2, "heads": 4, "feed_forward": 64, "context_length": 64}


def test_weights_depend_on_the_seed_alone_and_leave_the_global_generator(byte_tokenizer):
    settings = PretrainSettings(**SMALL)
    before = torch.get_rng_state()
    one, two, other = (new_language_model(settings, byte_tokenizer, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    pairs = list(zip(one.parameters(), two.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert any(not torch.equal(a, c) for a, _, c in pairs)


def test_sizes_and_ties_are_as_asked(byte_tokenizer):
    module = new_language_model(PretrainSettings(**SMALL), byte_tokenizer, 0)
    assert module.get_input_embeddings().weight is module.get_output_embeddings().weight
    assert module.config.max_position_embeddings == 64
    assert (module.config.eos_token_id, module.config.pad_token_id) == (0, 1)
    tokens = torch.arange(16, 80)[None]
    assert module(input_ids=tokens).logits.shape == (1, 64, len(byte_tokenizer))
    per_block = 4 * 32 * 32 + 3 * 32 * 64 + 2 * 32
    assert sum(p.numel() for p in module.parameters()) == len(byte_tokenizer) * 32 + 2 * per_block + 32


def test_role_tokens_start_as_the_newline(byte_tokenizer):
    weight = new_language_model(PretrainSettings(**SMALL), byte_tokenizer, 0).get_input_embeddings().weight
    (newline,) = byte_tokenizer.encode("\n", add_special_tokens=False)
    assert all(torch.equal(weight[role], weight[newline]) for role in (2, 3, 4))
    assert not torch.equal(weight[5], weight[newline])


def test_heads_that_do_not_divide_the_width_are_refused(byte_tokenizer):
    with pytest.raises(DataError, match="width of 30"):
        new_language_model(PretrainSettings(**{**SMALL, "hidden_size": 30}), byte_tokenizer, 0)


def test_roles_read_as_a_newline_but_are_not_written(byte_tokenizer):
    module = new_language_model(PretrainSettings(**SMALL), byte_tokenizer, 0)
    (newline,) = byte_tokenizer.encode("\n", add_special_tokens=False)
    tokens = torch.tensor([[40, newline, 41, 42, newline, 43, 44, newline]])
    with torch.no_grad():
        module.get_input_embeddings().weight.mul_(20)
    let_roles_read_as_newline(module, byte_tokenizer, tokens)
    with torch.no_grad():
        out = module(input_ids=tokens)
    share = out.logits.softmax(-1)[..., newline]
    gap = (out.logits[..., newline] - out.logits[..., 2]) * share
    assert float(gap.sum() / share.sum()) == pytest.approx(8.0, rel=1e-3)
    weight = module.get_input_embeddings().weight
    assert torch.equal(weight[2], weight[3])
    assert torch.equal(weight[2], weight[4])


def copies(module, words, generator, length=24):
    """Share of a second pass over random words whose next word is the likeliest but for the one at hand."""
    first = words[torch.randperm(len(words), generator=generator)[: 8 * length]].reshape(8, length)
    tokens = torch.cat([first, first], 1)
    with torch.no_grad():
        logits = module(input_ids=tokens).logits[:, length:-1]
    logits = logits.scatter(2, tokens[:, length:-1, None], -torch.inf)
    return float((logits.argmax(-1) == tokens[:, length + 1 :]).float().mean())


def test_a_new_model_with_induction_heads_copies_and_one_without_does_not(byte_tokenizer):
    sizes = {"hidden_size": 192, "layers": 2, "heads": 6, "feed_forward": 256, "context_length": 64}
    words, found = torch.arange(20, len(byte_tokenizer)), {}
    for start in (True, False):
        module = new_language_model(PretrainSettings(**sizes, induction_start=start), byte_tokenizer, 0)
        found[start] = copies(module, words, torch.Generator().manual_seed(0))
    assert found[True] > 0.5
    assert found[False] < 0.05


def test_a_model_without_room_for_induction_heads_begins_as_any_other(byte_tokenizer):
    narrow = PretrainSettings(**{**SMALL, "layers": 1})
    assert not has_induction_start(narrow)
    one = new_language_model(narrow, byte_tokenizer, 0)
    two = new_language_model(narrow.model_copy(update={"induction_start": False}), byte_tokenizer, 0)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
