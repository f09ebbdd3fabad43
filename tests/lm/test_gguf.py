import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from rlhf_studio.errors import ModelError
from rlhf_studio.lm import gguf as conversion
from rlhf_studio.lm.gguf import convert_gguf
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.padding import left_pad
from rlhf_studio.schema import Turn

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NAMES = {  # as llama.cpp calls a Llama's tensors
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}


def interleaved(weight, heads):
    """llama.cpp lays the two halves of a head's rotation side by side."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def write_gguf(lm, path):
    """The model as llama.cpp's converter writes a Llama with GPT-2's kind of tokenizer, not quantised."""
    gguf = pytest.importorskip("gguf", reason="the package gguf is not installed: pip install gguf")
    config, tokenizer = lm.module.config, lm.codec.tokenizer
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    special = set(tokenizer.all_special_ids)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))))
    writer.add_token_types([3 if i in special else 1 for i in range(len(tokenizer))])
    writer.add_token_merges([" ".join(pair) for pair in state["model"]["merges"]])
    writer.add_bos_token_id(tokenizer.eos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_chat_template(CHATML)
    for name, tensor in lm.module.state_dict().items():
        if name != "lm_head.weight":  # tied
            writer.add_tensor(*as_llama_cpp_has_it(name, tensor.numpy(), config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def as_llama_cpp_has_it(name, weight, config):
    if name in WHOLE:
        return WHOLE[name], weight
    _, _, layer, rest = name.split(".", 3)
    part = rest.removesuffix(".weight")
    heads = {"self_attn.q_proj": config.num_attention_heads, "self_attn.k_proj": config.num_key_value_heads}
    weight = interleaved(weight, heads[part]) if part in heads else weight
    return f"blk.{layer}.{NAMES[part]}.weight", np.ascontiguousarray(weight)


@pytest.fixture
def file(tiny_lm, tmp_path):
    write_gguf(tiny_lm, tmp_path / "tiny.gguf")
    return tmp_path / "tiny.gguf"


def test_a_converted_file_is_the_model_it_was_made_of(tiny_lm, file, tmp_path):
    convert_gguf(file, tmp_path / "folder", dtype=torch.float32)
    opened = load_language_model(tmp_path / "folder")
    batch = left_pad([[40, 50, 60], [70]], 1)
    torch.testing.assert_close(opened.logits(batch), tiny_lm.logits(batch), atol=1e-5, rtol=0)
    assert opened.parameter_count == tiny_lm.parameter_count
    assert opened.context_length == 128
    text = "The sky is blue in 1984: a < b"
    assert opened.codec.encode_text(text) == tiny_lm.codec.encode_text(text)


def test_the_files_own_chat_template_is_used(file, tmp_path):
    codec = convert_gguf(file, tmp_path / "folder").codec
    assert codec.template_name == "model"
    assert (tmp_path / "folder" / "chat_template.jinja").read_text() == CHATML
    text = codec.tokenizer.decode(codec.encode_prompt((Turn("user", "Why?"),)))
    assert text == "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"


def test_weights_are_written_in_half_precision_and_nothing_says_quantised(file, tmp_path):
    convert_gguf(file, tmp_path / "folder")
    stored = load_file(tmp_path / "folder" / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    config = json.loads((tmp_path / "folder" / "config.json").read_text())
    assert "quantization_config" not in config
    assert config["dtype"] == "float16"
    assert str(tmp_path) not in "".join(path.read_text() for path in (tmp_path / "folder").glob("*.json"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "tiny.gguf"]


def test_a_weight_that_float16_cannot_hold_is_refused(tiny_lm, tmp_path):
    tiny_lm.module.model.norm.weight.data[0] = 1e6
    write_gguf(tiny_lm, tmp_path / "large.gguf")
    with pytest.raises(ModelError, match=r"a weight of 1e\+06, more than float16 can hold.*bfloat16"):
        convert_gguf(tmp_path / "large.gguf", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
    assert convert_gguf(tmp_path / "large.gguf", tmp_path / "folder", dtype=torch.bfloat16)


def test_a_damaged_file_is_told(file, tmp_path):
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ModelError, match=r"tokenizer in .*tiny.gguf cannot be used"):
        convert_gguf(file, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_other_files_are_refused_before_anything_is_read(tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        convert_gguf(path, tmp_path / "folder")
    path.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(ModelError, match="is not a GGUF file: it begins with"):
        convert_gguf(path, tmp_path / "folder")


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match="is there already"):
        convert_gguf(tmp_path / "a.gguf", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.gguf"]


def test_without_the_package_the_person_is_told_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr(conversion.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"package gguf, which is not installed.*pip install 'rlhf-studio\[gguf\]'"):
        convert_gguf(tmp_path / "a.gguf", tmp_path / "folder")
