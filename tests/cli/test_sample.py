import io

import pytest

from rlhf_studio.cli import entry
from rlhf_studio.lm.saving import save_language_model


@pytest.fixture
def model(tiny_lm, tmp_path):
    save_language_model(tiny_lm, tmp_path / "model")
    return str(tmp_path / "model")


def ask(model, *more):
    return entry.main(["sample", "--model", model, "--device", "cpu", "--max-new-tokens", "12", *more])


def test_k_answers_are_printed_and_the_same_seed_repeats_them(model, capsys):
    assert ask(model, "--prompt", "Why?", "-k", "3") == 0
    first = capsys.readouterr().out
    assert [line[:3] for line in first.splitlines() if line.startswith("[")] == ["[1]", "[2]", "[3]"]
    ask(model, "--prompt", "Why?", "-k", "3")
    assert capsys.readouterr().out == first
    ask(model, "--prompt", "Why?", "-k", "3", "--seed", "1")
    assert capsys.readouterr().out != first


def test_what_is_streamed_is_the_answer(model, tiny_lm, capsys):
    from rlhf_studio import words
    from rlhf_studio.lm.generate import collect, generate, uniforms
    from rlhf_studio.schema import Sampling, Turn

    ask(model, "--prompt", "Why?")
    prompt = tiny_lm.codec.encode_prompt((Turn("user", "Why?"),))
    answer = collect(generate(tiny_lm, [prompt], Sampling(max_new_tokens=12), uniforms(0, 0, range(1), 12)))
    text = tiny_lm.codec.decode(answer.tokens[0][answer.mask[0]].tolist())
    ending = "\n" if bool(answer.finished[0]) else " …\n"
    assert capsys.readouterr().out == words.plain(text) + ending


def test_the_prompt_may_come_from_the_standard_input(model, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("Why?"))
    assert ask(model, "--prompt", "-") == 0
    piped = capsys.readouterr().out
    ask(model, "--prompt", "Why?")
    assert capsys.readouterr().out == piped


def test_a_text_is_continued_without_the_template(model, capsys):
    assert ask(model, "--prompt", "The sky", "--plain") == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--prompt", ""], 3, "prompt is empty"),
        (["--prompt", "hat " * 500], 3, "context of 128"),
        (["--prompt", "Why?", "-k", "0"], 3, "-k cannot be 0"),
        (["--prompt", "Why?", "--temperature", "-1"], 3, "temperature of -1.0"),
        (["--prompt", "Why?", "--device", "tpu"], 5, "no device 'tpu'"),
    ],
)
def test_bad_input_gives_one_sentence_and_a_code(model, capsys, more, code, said):
    assert ask(model, *more) == code
    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""


def test_a_model_that_is_not_there(capsys):
    assert ask("no-such-model", "--prompt", "Why?") == 4
    assert "There is no model folder 'no-such-model'" in capsys.readouterr().err


def test_equal_answers_are_said_after_they_were_shown(model, capsys):
    assert ask(model, "--prompt", "Why?", "-k", "2", "--temperature", "0") == 3
    out, err = capsys.readouterr()
    assert out.count("[2]") == 1
    assert "All 2 answers are equal at temperature 0" in err


def test_the_model_of_a_run_is_asked_by_its_id(project, base, capsys):
    train = ["train", "sft", "--project", str(project), "--base", str(base), "--epochs", "1", "--threads", "1"]
    assert entry.main(train) == 0
    (run,) = (project / "runs").iterdir()
    capsys.readouterr()
    assert ask(run.name[:4], "--project", str(project), "--prompt", "Why?") == 0
    said = capsys.readouterr().out
    assert ask(str(run / "models" / "policy"), "--prompt", "Why?") == 0
    assert capsys.readouterr().out == said
    assert ask(run.name, "--project", str(project), "--prompt", "Why?", "--weights", "best") == 4
    assert f"The run {run.name} has no 'best' model (it has left: raw)." in capsys.readouterr().err
