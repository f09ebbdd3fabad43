import json
import math

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification

from rlhf_studio.errors import ModelError
from rlhf_studio.lm.heads import ScalarModel, load_scalar_model
from rlhf_studio.lm.padding import left_pad, right_pad
from rlhf_studio.lm.saving import save_language_model

ROWS = [[40, 50, 60, 70, 80], [90, 100], [110, 120, 130]]


@pytest.fixture(params=["tiny_lm", "tiny_gpt2"])
def lm(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def scalar(lm):
    return ScalarModel.from_language_model(lm, seed=3)


def test_the_head_starts_small_and_depends_on_its_seed_alone(tiny_lm):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (ScalarModel.from_language_model(tiny_lm, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.module.score.weight, again.module.score.weight)
    assert not torch.equal(first.module.score.weight, other.module.score.weight)
    draws = torch.cat([ScalarModel.from_language_model(tiny_lm, seed=s).module.score.weight for s in range(40)])
    assert draws.std().item() == pytest.approx(1 / math.sqrt(33), rel=0.05)
    assert first.bias == 0.0


def test_scores_are_read_at_the_last_real_token(scalar):
    alone = torch.cat([scalar.per_token(left_pad([row], 1))[:, -1] for row in ROWS])
    for padded in (left_pad(ROWS, 1), right_pad(ROWS, 1), left_pad(ROWS, 1, length=20), right_pad(ROWS, 1, length=20)):
        torch.testing.assert_close(scalar.scores(padded), alone, atol=1e-5, rtol=0)


def test_values_come_before_their_token(scalar):
    batch = left_pad(ROWS, 1)
    values = scalar.values(batch, 2)
    torch.testing.assert_close(values, scalar.per_token(batch)[:, -3:-1], atol=1e-5, rtol=0)
    changed = batch._replace(tokens=batch.tokens.clone())
    changed.tokens[:, -1] = 7
    assert torch.equal(scalar.values(changed, 2), values)


def test_poisoned_padding_never_reaches_a_score(scalar):
    clean = scalar.scores(left_pad(ROWS, 1))
    with torch.no_grad():
        scalar.module.backbone.get_input_embeddings().weight[1] = float("nan")
    torch.testing.assert_close(scalar.scores(left_pad(ROWS, 1, length=9)), clean, atol=1e-5, rtol=0)


def test_shift_and_clone(scalar):
    batch = left_pad(ROWS, 1)
    start = scalar.scores(batch)
    copy = scalar.clone()
    scalar.shift(-1.5)
    torch.testing.assert_close(scalar.scores(batch), start - 1.5)
    assert scalar.bias == -1.5
    assert torch.equal(copy.scores(batch), start)
    copy.scores(batch).sum().backward()
    assert copy.module.score.weight.grad is not None
    assert scalar.module.score.weight.grad is None
    assert copy.parameter_count == sum(p.numel() for p in copy.module.backbone.parameters()) + 32


def test_the_backbone_is_a_copy(lm, scalar):
    batch = left_pad(ROWS, 1)
    before = lm.logits(batch)
    with torch.no_grad():
        for parameter in scalar.module.parameters():
            parameter.zero_()
    assert torch.equal(lm.logits(batch), before)


def test_save_and_load(scalar, tmp_path):
    scalar.shift(0.25)
    scalar.score_std = 1.75
    scalar.save(tmp_path / "reward", {"title": "Kind answers"})
    loaded = load_scalar_model(tmp_path / "reward")
    batch = left_pad(ROWS, 1)
    assert torch.equal(loaded.scores(batch), scalar.scores(batch))
    assert (loaded.bias, loaded.score_std, loaded.context_length) == (0.25, 1.75, 128)
    assert json.loads((tmp_path / "reward/studio.json").read_text())["card"] == {"title": "Kind answers"}


def test_transformers_opens_it_as_a_classifier(scalar, tmp_path):
    scalar.shift(0.25)
    scalar.save(tmp_path)
    other = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    batch = right_pad(ROWS, scalar.codec.pad_id)
    with torch.no_grad():
        theirs = other(input_ids=batch.tokens, attention_mask=batch.mask.long()).logits.squeeze(1)
    torch.testing.assert_close(theirs + other.config.rlhf_studio_bias, scalar.scores(batch), atol=1e-5, rtol=0)


def test_without_studio_file_the_bias_is_still_known(scalar, tmp_path):
    scalar.shift(0.25)
    scalar.save(tmp_path)
    (tmp_path / "studio.json").unlink()
    assert load_scalar_model(tmp_path).bias == 0.25


def test_a_language_model_is_no_reward_model(tiny_lm, tmp_path):
    save_language_model(tiny_lm, tmp_path)
    with pytest.raises(ModelError, match=r"no scalar head \(score.weight\)"):
        load_scalar_model(tmp_path)


def test_a_classifier_with_two_labels_is_no_reward_model(tiny_lm, tmp_path):
    ScalarModel.from_language_model(tiny_lm, seed=0).save(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["score.weight"] = torch.zeros(2, 32)
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"shape \(2, 32\), a reward model wants \(1, 32\)"):
        load_scalar_model(tmp_path)


def test_a_damaged_studio_file(tiny_lm, tmp_path):
    ScalarModel.from_language_model(tiny_lm, seed=0).save(tmp_path)
    (tmp_path / "studio.json").write_text('{"bias": 1')
    with pytest.raises(ModelError, match=r"studio.json cannot be read"):
        load_scalar_model(tmp_path)
