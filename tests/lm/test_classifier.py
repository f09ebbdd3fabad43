"""What transformers makes of an exported reward model scores as ours does, bias and all."""

import json

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    GPT2Config,
    LlamaConfig,
    Qwen2Config,
    Qwen3Config,
)

from rlhf_studio.lm.classifier import save_classifier
from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.heads import ScalarModel, load_scalar_model
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import right_pad

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,  # large, so that mistakes show
}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256, "initializer_range": 0.2}
CONFIGS = {
    "gpt2": (GPT2Config, GPT2, "norm"),
    "llama": (LlamaConfig, SIZES, "layer"),
    "llama, biases": (LlamaConfig, {**SIZES, "attention_bias": True, "mlp_bias": True}, "layer"),
    "qwen2": (Qwen2Config, SIZES, "layer"),
    "qwen3": (Qwen3Config, {**SIZES, "head_dim": 16}, "layer"),
}


def reward_model(name, tokenizer):
    kind, options, carrier = CONFIGS[name]
    config = kind(vocab_size=len(tokenizer), bos_token_id=None, pad_token_id=None, **options)
    module = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() == 1:  # norms and biases as training leaves them
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
    model = ScalarModel.from_language_model(LanguageModel(module, Codec(tokenizer), 256, source=None), seed=5)
    model.score_std = 2.5
    model.shift(-3.75)
    return model, carrier


def batch():
    rows = [torch.randint(2, 290, (length,)).tolist() for length in (1, 2, 9, 60, 250)]
    return right_pad(rows, 1)


@torch.no_grad()
def theirs(folder, tokens):
    """Scores as another tool reads them: tokens and their mask, nothing of ours."""
    classifier = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    assert classifier.config.num_labels == 1
    return classifier(input_ids=tokens.tokens, attention_mask=tokens.mask.long()).logits.squeeze(1)


@pytest.mark.parametrize("name", CONFIGS)
@torch.no_grad()
def test_transformers_gives_our_scores(name, byte_tokenizer, tmp_path):
    model, carrier = reward_model(name, byte_tokenizer)
    rows = batch()
    ours = model.scores(rows)
    assert save_classifier(model, tmp_path, {"what": "test"}) == carrier
    assert torch.allclose(theirs(tmp_path, rows), ours, rtol=0, atol=1e-5)
    again = load_scalar_model(tmp_path)  # and so do we, without adding the bias twice
    assert again.bias == 0
    assert again.score_std == 2.5
    assert torch.allclose(again.scores(rows), ours, rtol=0, atol=1e-5)
    assert json.loads((tmp_path / "studio.json").read_text())["card"] == {"what": "test"}


@torch.no_grad()
def test_without_the_carrier_the_bias_would_be_missing(byte_tokenizer, tmp_path):
    model, _ = reward_model("llama", byte_tokenizer)
    rows = batch()
    model.save(tmp_path)
    assert torch.allclose(theirs(tmp_path, rows) - 3.75, model.scores(rows), rtol=0, atol=1e-5)


def test_a_model_without_a_bias_stays_as_it_is(byte_tokenizer, tmp_path):
    model, _ = reward_model("llama", byte_tokenizer)
    model.shift(3.75)
    assert save_classifier(model, tmp_path) == "nothing"
    assert json.loads((tmp_path / "config.json").read_text())["num_hidden_layers"] == 2


@torch.no_grad()
def test_what_no_weight_can_carry_is_said_and_left_in_the_configuration(byte_tokenizer, tmp_path):
    model, _ = reward_model("llama", byte_tokenizer)
    model.module.backbone.config.rope_parameters |= {"rope_type": "dynamic", "factor": 2.0}  # turns by length
    assert save_classifier(model, tmp_path) == "config"
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["rlhf_studio_bias"], config["num_hidden_layers"]) == (-3.75, 2)
    assert load_scalar_model(tmp_path).bias == -3.75
