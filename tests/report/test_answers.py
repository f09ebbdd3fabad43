import pytest
import torch

from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.report.answers import Judge, compare_answers, measure
from rlhf_studio.schema import PromptRow, TextRow, Turn
from rlhf_studio.settings import SftSettings
from rlhf_studio.train.compute import Compute

PROMPTS = tuple(
    PromptRow(number, (Turn("user", text),), "generation")
    for number, text in enumerate(["Why is the sky blue?", "Write about a hat.", "Do cats hunt?"], start=1)
)
TEXTS = (TextRow("The sky is blue and the grass is green. " * 40),)


@pytest.fixture
def judge(tiny_lm):
    compute = Compute(SftSettings(device="cpu", threads=1))
    return Judge(ScalarModel.from_language_model(tiny_lm, seed=3), tiny_lm.clone(), compute)


@pytest.fixture
def other(tiny_lm):
    """A model that is not the reference."""
    with torch.no_grad():
        for parameter in tiny_lm.module.parameters():
            parameter.mul_(0.9)
    return tiny_lm


def test_the_reference_has_no_distance_from_itself_and_another_model_has(judge, other):
    models = {"sft": judge.reference, "ppo": other}
    probes = compare_answers(models, judge, PROMPTS, max_new_tokens=8)
    assert [probe.turns for probe in probes] == [prompt.turns for prompt in PROMPTS]
    assert all(list(probe.answers) == ["sft", "ppo"] for probe in probes)
    assert all(probe.answers["sft"].kl == pytest.approx(0.0, abs=1e-5) for probe in probes)
    assert any(abs(probe.answers["ppo"].kl) > 1e-3 for probe in probes)


def test_a_probe_that_does_not_fit_is_left_out(judge):
    long = PromptRow(9, (Turn("user", "hat " * 400),))
    probes = compare_answers({"sft": judge.reference}, judge, (*PROMPTS, long), max_new_tokens=8)
    assert len(probes) == len(PROMPTS)
    assert compare_answers({"sft": judge.reference}, judge, (long,), max_new_tokens=8) == ()
    assert compare_answers({}, judge, PROMPTS, max_new_tokens=8) == ()


def test_scores_are_the_reward_models_and_do_not_depend_on_the_other_prompts(judge):
    together = compare_answers({"sft": judge.reference}, judge, PROMPTS, max_new_tokens=8)
    alone = compare_answers({"sft": judge.reference}, judge, PROMPTS[1:2], max_new_tokens=8)
    assert alone[0].answers["sft"].score == pytest.approx(together[1].answers["sft"].score, abs=1e-5)
    judge.reward_model.shift(10.0)
    shifted = compare_answers({"sft": judge.reference}, judge, PROMPTS, max_new_tokens=8)
    for before, after in zip(together, shifted, strict=True):
        assert after.answers["sft"].score == pytest.approx(before.answers["sft"].score + 10, abs=1e-4)


def test_figures_of_a_model(judge, other):
    same = measure("sft", judge.reference, judge, PROMPTS, TEXTS, max_new_tokens=8)
    figures = measure("ppo", other, judge, PROMPTS, TEXTS, max_new_tokens=8)
    assert same.kl == pytest.approx(0.0, abs=1e-5)
    assert figures == measure("ppo", other, judge, PROMPTS, TEXTS, max_new_tokens=8)
    assert figures.text_loss > 0
    assert figures.text_loss != same.text_loss
    assert 1 <= figures.answer_tokens <= 8
    assert 0 <= figures.ended <= 1
    assert figures.answers == 66  # three prompts, each answered as often as it takes to have 64


def test_without_prompts_or_text_a_figure_is_missing(judge):
    assert measure("sft", judge.reference, judge, PROMPTS, (), max_new_tokens=8).text_loss is None
    nothing = measure("sft", judge.reference, judge, (), TEXTS, max_new_tokens=8)
    assert nothing.score is None
    assert nothing.text_loss is not None
