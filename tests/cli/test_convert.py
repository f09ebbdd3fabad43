from types import SimpleNamespace

import torch

from rlhf_studio.cli import entry
from rlhf_studio.cli.following import quoted
from rlhf_studio.lm import gguf


def test_converting_says_what_came_of_it_and_how_to_go_on(tiny_lm, tmp_path, monkeypatch, capsys):
    called = SimpleNamespace()

    def convert(file, out, *, dtype):
        called.file, called.out, called.dtype = file, out, dtype
        return tiny_lm

    monkeypatch.setattr(gguf, "convert_gguf", convert)
    file, out = tmp_path / "a.gguf", tmp_path / "a model"
    assert entry.main(["convert", "--gguf", str(file), "--out", str(out), "--dtype", "bfloat16"]) == 0
    assert (called.file, called.out, called.dtype) == (file, out, torch.bfloat16)
    said = capsys.readouterr().out
    assert f"{tiny_lm.parameter_count:,} parameters" in said
    assert "our chat template" in said
    assert f"--base {quoted(out)}" in said


def test_what_is_no_gguf_file_gives_one_sentence_and_a_code(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("hello")
    assert entry.main(["convert", "--gguf", str(tmp_path / "a.txt"), "--out", str(tmp_path / "out")]) == 4
    err = capsys.readouterr().err
    assert "is not a GGUF file" in err
    assert len(err.strip().splitlines()) == 1
