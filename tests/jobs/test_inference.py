import gc
import subprocess
import sys
import threading
import time
from itertools import pairwise

import pytest
import torch

from rlhf_studio.jobs.inference import (
    BACKGROUND,
    AnswerDone,
    AnswersScored,
    AnswerText,
    DeviceFound,
    EstimateFound,
    InferenceService,
    ModelLoading,
    RequestDone,
    RequestFailed,
)
from rlhf_studio.jobs.models import ModelChoice
from rlhf_studio.jobs.turns import Turns
from rlhf_studio.lm.heads import ScalarModel, load_scalar_model
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.padding import Padded
from rlhf_studio.lm.sampling import sample_answers, sample_many
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.lm.tokenizer_training import train_tokenizer
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.schema import Answer, RunSpec, Sampling, Turn

PATIENCE_S = 60
TURNS = (Turn("user", "Why do cats sleep?"),)
SHORT = Sampling(max_new_tokens=12, seed=3)
LONG = Sampling(max_new_tokens=100, seed=3)


@pytest.fixture
def turns():
    return Turns()


@pytest.fixture
def service(turns):
    service = InferenceService(turns, device="cpu", threads=1)
    yield service
    assert service.close(PATIENCE_S), "the inference thread outlived its test"


@pytest.fixture
def token_by_token(monkeypatch):
    """Other work may come after each token, however fast the machine is."""
    monkeypatch.setattr("rlhf_studio.jobs.inference_work._SLICE_S", 0.0)
    monkeypatch.setattr("rlhf_studio.jobs.inference_work._SHORT_SLICE_S", 0.0)


@pytest.fixture
def reward_folder(tiny_lm, tmp_path):
    model = ScalarModel.from_language_model(tiny_lm, seed=5)
    model.shift(0.5)
    model.save(tmp_path / "reward")
    return tmp_path / "reward"


@pytest.fixture
def other_folder(tiny_lm, tmp_path):
    """The same model, a little elsewhere."""
    with torch.no_grad():
        for parameter in tiny_lm.module.parameters():
            parameter.mul_(1.05)
    save_language_model(tiny_lm, tmp_path / "other")
    return tmp_path / "other"


def until(service, is_enough):
    """Drain as a window does until what came is enough; everything in the order it came."""
    events, end = [], time.monotonic() + PATIENCE_S
    while not is_enough(events):
        assert time.monotonic() < end, events
        time.sleep(0.002)
        events += service.drain()
    return events


def all_of(service, *requests):
    """Every event until all requests have ended."""

    def have_ended(events):
        return {e.request for e in events if isinstance(e, RequestDone | RequestFailed)} >= set(requests)

    return until(service, have_ended)


def answers_in(events, request):
    done = sorted((e.index, e.answer) for e in events if isinstance(e, AnswerDone) and e.request == request)
    return [answer for _, answer in done]


def failure_in(events, request):
    return next(e.message for e in events if isinstance(e, RequestFailed) and e.request == request)


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_answers_are_those_that_sampling_gives(service, model_folder, temperature):
    sampling = Sampling(temperature=temperature, max_new_tokens=12, seed=3)
    request = service.sample(model_folder, TURNS, 1 if temperature == 0 else 4, sampling, step=2)
    answers = answers_in(all_of(service, request), request)
    expected = sample_answers(load_language_model(model_folder), TURNS, len(answers), sampling, step=2)
    assert [(a.text, a.token_ids, a.is_finished, a.is_duplicate) for a in answers] == [
        (a.text, a.token_ids, a.is_finished, a.is_duplicate) for a in expected
    ]
    assert [a.logprob for a in answers] == pytest.approx([a.logprob for a in expected])
    assert all(a.score is None and a.kl is None for a in answers)


def test_each_prompt_has_randomness_of_its_own(service, model_folder):
    first, second = (service.sample(model_folder, TURNS, 2, SHORT, prompt_id=number) for number in (0, 7))
    events = all_of(service, first, second)
    expected = sample_many(load_language_model(model_folder), [TURNS], 2, SHORT, keys=[7])[0]
    assert [a.text for a in answers_in(events, second)] == [a.text for a in expected]
    assert answers_in(events, first) != answers_in(events, second)


def test_events_tell_how_an_answer_grows(service, model_folder):
    choice = ModelChoice("base:base", "Base model", "base", model_folder)
    request = service.sample(choice, TURNS, 2, LONG)
    events = all_of(service, request)
    assert [e for e in events if isinstance(e, DeviceFound)] == [DeviceFound("CPU")]
    assert [e for e in events if isinstance(e, ModelLoading)] == [ModelLoading(request, "Base model")]
    assert isinstance(events[-1], RequestDone)
    assert events[-1].seconds > 0
    for index, answer in enumerate(answers_in(events, request)):
        texts = [e.text for e in events if isinstance(e, AnswerText) and e.index == index]
        assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
        assert all(answer.text.startswith(text) for text in texts)


def test_a_growing_answer_is_drained_once_however_often_it_grew(service, model_folder):
    request = service.sample(model_folder, TURNS, 3, LONG)
    end = time.monotonic() + PATIENCE_S
    while service.has_work:
        assert time.monotonic() < end
        time.sleep(0.002)
    events = service.drain()
    assert [e.index for e in events if isinstance(e, AnswerDone)] == [0, 1, 2]
    assert not [e for e in events if isinstance(e, AnswerText)]  # each was replaced by the whole answer
    assert events[-1].request == request
    assert service.drain() == []


def test_texts_to_avoid_are_drawn_anew(service, model_folder):
    request = service.sample(model_folder, TURNS, 1, SHORT)
    (before,) = answers_in(all_of(service, request), request)
    request = service.sample(model_folder, TURNS, 1, SHORT, avoid=[f" {before.text}\n"])  # edges do not count
    (after,) = answers_in(all_of(service, request), request)
    assert after.text != before.text
    assert not after.is_duplicate


def test_what_comes_again_all_the_same_is_marked(service, model_folder):
    greedy = Sampling(temperature=0.0, max_new_tokens=4)
    request = service.sample(model_folder, TURNS, 3, greedy)
    answers = answers_in(all_of(service, request), request)
    assert [a.is_duplicate for a in answers] == [False, True, True]
    request = service.sample(model_folder, TURNS, 1, greedy, avoid=[answers[0].text])
    assert answers_in(all_of(service, request), request)[0].is_duplicate


def test_scores_and_kl_are_those_of_each_answer_alone(service, model_folder, reward_folder, other_folder):
    hot = Sampling(temperature=1.3, max_new_tokens=20, seed=1)
    request = service.sample(model_folder, TURNS, 4, hot, reward=reward_folder, reference=other_folder)
    answers = answers_in(all_of(service, request), request)
    assert len({len(a.token_ids) for a in answers}) > 1 or len(answers[0].token_ids) == 20
    policy, other = load_language_model(model_folder), load_language_model(other_folder)
    judge = load_scalar_model(reward_folder)
    prompt = policy.codec.encode_prompt(TURNS)
    for answer in answers:
        tokens = torch.tensor([[*prompt, *answer.token_ids]])
        batch, count = Padded(tokens, torch.ones_like(tokens, dtype=torch.bool)), len(answer.token_ids)
        with torch.no_grad():
            ours, theirs = (
                token_logprobs(model.response_logits(batch, count), tokens[:, -count:]).sum()
                for model in (policy, other)
            )
            assert answer.score == pytest.approx(float(judge.scores(batch)), abs=1e-4)
        assert answer.kl == pytest.approx(float(ours - theirs), abs=1e-3)
    assert any(abs(a.kl) > 0.01 for a in answers)


def scores_in(events, request):
    return next(e.scores for e in events if isinstance(e, AnswersScored) and e.request == request)


def test_answers_that_are_there_are_scored_as_when_they_were_sampled(service, model_folder, reward_folder):
    hot = Sampling(temperature=1.3, max_new_tokens=20, seed=1)
    request = service.sample(model_folder, TURNS, 4, hot, reward=reward_folder)
    answers = answers_in(all_of(service, request), request)
    again = service.score(
        ModelChoice("run:r", "Reward", "reward", reward_folder), TURNS, [Answer(a.text, a.token_ids) for a in answers]
    )
    events = all_of(service, again)
    assert scores_in(events, again) == pytest.approx([a.score for a in answers], abs=1e-4)
    assert isinstance(events[-1], RequestDone)


def test_token_ids_of_another_tokenizer_are_not_read(service, reward_folder):
    foreign = service.score(reward_folder, TURNS, [Answer("yes", (999_999,)), Answer("no", (1, 2, 3))])
    own = service.score(reward_folder, TURNS, [Answer("yes"), Answer("no")])
    events = all_of(service, foreign, own)
    assert scores_in(events, foreign) == pytest.approx(scores_in(events, own))


def test_a_model_is_no_distance_from_itself(service, model_folder):
    request = service.sample(model_folder, TURNS, 2, SHORT, reference=model_folder)
    events = all_of(service, request)
    assert [a.kl for a in answers_in(events, request)] == [0.0, 0.0]
    assert len([e for e in events if isinstance(e, ModelLoading)]) == 1


def test_a_model_is_read_again_when_its_folder_changed(service, model_folder, tiny_lm):
    def loads():
        request = service.sample(model_folder, TURNS, 1, SHORT)
        return len([e for e in all_of(service, request) if isinstance(e, ModelLoading)])

    assert [loads(), loads()] == [1, 0]
    save_language_model(tiny_lm, model_folder)
    assert [loads(), loads()] == [1, 0]


def test_questions_of_the_same_urgency_grow_side_by_side(service, model_folder, turns, token_by_token):
    with turns.inference():  # so that both are there before either begins
        first = service.sample(model_folder, TURNS, 9, LONG)
        second = service.sample(model_folder, TURNS, 9, LONG, prompt_id=1)
    events = all_of(service, first, second)
    order = [e.request for e in events if isinstance(e, AnswerText)]
    assert order.index(second) < len(order) - 1 - order[::-1].index(first)


def test_an_urgent_question_comes_first_and_the_background_goes_on(service, model_folder, token_by_token):
    background = service.sample(model_folder, TURNS, 9, LONG, priority=BACKGROUND)
    until(service, lambda events: any(isinstance(e, AnswerText) for e in events))
    urgent = service.sample(model_folder, TURNS, 1, SHORT, prompt_id=1)
    events = all_of(service, background, urgent)
    assert [e.request for e in events if isinstance(e, RequestDone)] == [urgent, background]
    expected = sample_answers(load_language_model(model_folder), TURNS, 9, LONG)
    assert [a.text for a in answers_in(events, background)] == [a.text for a in expected]


def test_a_cancelled_request_is_not_heard_of_again(service, model_folder, token_by_token):
    request = service.sample(model_folder, TURNS, 9, LONG)
    until(service, lambda events: any(isinstance(e, AnswerText) for e in events))
    service.cancel(request)
    assert not service.has_work
    other = service.sample(model_folder, TURNS, 1, SHORT)
    assert {e.request for e in all_of(service, other)} == {other}
    service.cancel(other)  # it is done: nothing happens
    service.cancel(12345)


def test_inference_waits_while_training_computes(service, model_folder, turns):
    prepared = service.prepare(model_folder)
    all_of(service, prepared)
    with turns.training():
        request = service.sample(model_folder, TURNS, 1, SHORT)
        while len(turns._queue) < 2:
            time.sleep(0.001)
        assert service.drain() == []
    all_of(service, request)
    assert turns.inference_waited_s > 0


def test_both_get_on_while_both_want_the_machine(service, model_folder, turns, token_by_token):
    steps, is_over = [], threading.Event()

    def train():
        while not is_over.is_set():
            with turns.training():
                steps.append(float(torch.ones(50, 50).sum()))

    thread = threading.Thread(target=train, daemon=True)
    thread.start()
    request = service.sample(model_folder, TURNS, 9, LONG)
    all_of(service, request)
    is_over.set()
    thread.join(PATIENCE_S)
    assert len(steps) > 50
    assert 0 < turns.training_waited_s < PATIENCE_S


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ((), "prompt is empty"),
        ((Turn("user", "  "),), "prompt is empty"),
        ((Turn("user", "cats " * 60),), "exceed the model's context of 128"),
        ((Turn("user", "Hi"), Turn("assistant", "Ho")), "nothing to answer"),
    ],
)
def test_a_prompt_that_cannot_be_answered_is_explained(service, model_folder, prompt, message):
    request = service.sample(model_folder, prompt, 2, SHORT)
    assert message in failure_in(all_of(service, request), request)
    request = service.sample(model_folder, TURNS, 1, SHORT)
    assert len(answers_in(all_of(service, request), request)) == 1


def test_a_missing_model_is_explained(service, tmp_path):
    request = service.sample(tmp_path / "gone", TURNS, 2, SHORT)
    assert "There is no model folder" in failure_in(all_of(service, request), request)
    request = service.prepare(tmp_path / "gone")
    assert "There is no model folder" in failure_in(all_of(service, request), request)
    assert not service.has_work


def test_a_checkpoint_that_was_chosen_is_not_replaced_by_another(service, tmp_path):
    folder = tmp_path / "checkpoints" / "step-00000003"
    (tmp_path / "checkpoints" / "step-00000004").mkdir(parents=True)
    chosen = ModelChoice("run:a@3", "SFT (checkpoint at step 3)", "sft", folder, "a", 3)
    request = service.sample(chosen, TURNS, 2, SHORT)
    assert failure_in(all_of(service, request), request).startswith("SFT (checkpoint at step 3) is gone")


@pytest.mark.parametrize("role", ["reward", "reference"])
def test_another_vocabulary_is_refused(service, model_folder, tiny_lm, tmp_path, role):
    from rlhf_studio.lm.codec import Codec

    tiny_lm.codec = Codec(train_tokenizer(["quite other words, other words"], 290))
    if role == "reward":
        ScalarModel.from_language_model(tiny_lm, seed=5).save(tmp_path / "foreign")
    else:
        save_language_model(tiny_lm, tmp_path / "foreign")
    request = service.sample(model_folder, TURNS, 2, SHORT, **{role: tmp_path / "foreign"})
    assert "foreign has another vocabulary" in failure_in(all_of(service, request), request)


def test_no_answers_cannot_be_asked_for(service, model_folder):
    request = service.sample(model_folder, TURNS, 0, SHORT)
    assert "at least 1" in failure_in(all_of(service, request), request)


def test_what_nobody_foresaw_is_told_and_logged(service, model_folder, monkeypatch, caplog):
    def odd(*_args, **_kwargs):
        raise ZeroDivisionError("one by zero")

    monkeypatch.setattr("rlhf_studio.jobs.inference_work.stream_answers", odd)
    request = service.sample(model_folder, TURNS, 1, SHORT)
    message = failure_in(all_of(service, request), request)
    assert "ZeroDivisionError: one by zero" in message
    assert "log" in message
    assert "one by zero" in caplog.text
    monkeypatch.undo()
    request = service.sample(model_folder, TURNS, 1, SHORT)
    assert len(answers_in(all_of(service, request), request)) == 1


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_exhausted_memory_is_told_in_one_sentence(service, model_folder, monkeypatch, error):
    def exhausted(*_args, **_kwargs):
        raise error

    monkeypatch.setattr("rlhf_studio.jobs.inference_work.stream_answers", exhausted)
    request = service.sample(model_folder, TURNS, 1, SHORT)
    assert "memory is exhausted" in failure_in(all_of(service, request), request)


def test_a_device_that_is_not_there_is_told(model_folder):
    service = InferenceService(Turns(), device="tpu")
    request = service.sample(model_folder, TURNS, 1, SHORT)
    assert "no device 'tpu'" in failure_in(all_of(service, request), request)
    assert service.close(PATIENCE_S)


def test_closing_gives_everything_up(model_folder):
    service = InferenceService(Turns(), device="cpu")
    service.sample(model_folder, TURNS, 9, LONG)
    assert service.close(PATIENCE_S)
    assert not service.has_work
    with pytest.raises(RuntimeError, match="closed"):
        service.sample(model_folder, TURNS, 9, LONG)
    assert service.close(0)


@pytest.mark.parametrize("way", ["cancel", "close"])
def test_what_is_given_up_ends_on_the_thread_that_made_it(monkeypatch, tmp_path, way):
    began, ended, threads = threading.Event(), threading.Event(), []

    def measure(project, spec, timed, shelf, listener):
        threads.append(threading.get_ident())
        try:
            while True:  # refers to its listener, which refers to it: only the collector would end it by itself
                began.set()
                yield
        finally:
            threads.append(threading.get_ident())
            ended.set()

    monkeypatch.setattr("rlhf_studio.jobs.inference._estimate", measure)
    service = InferenceService(Turns(), device="cpu", threads=1)
    request = service.estimate(tmp_path, None)
    assert began.wait(PATIENCE_S)
    gc.disable()
    try:
        if way == "cancel":
            service.cancel(request)
            assert ended.wait(PATIENCE_S)
        assert service.close(PATIENCE_S)
    finally:
        gc.enable()
    assert threads == [threads[0]] * 2
    assert threads[0] != threading.get_ident()


def test_an_idle_service_has_no_thread():
    service = InferenceService(Turns())
    assert not service.has_work
    assert service.drain() == []
    assert service.gpu_memory() is None or torch.cuda.is_available()
    assert service.close(0)


def test_importing_and_making_it_needs_no_torch():
    code = (
        "import sys\nfrom rlhf_studio.jobs.inference import InferenceService\n"
        "from rlhf_studio.jobs.turns import Turns\nimport rlhf_studio.jobs.models, rlhf_studio.jobs.runner\n"
        "service = InferenceService(Turns())\nassert service.gpu_memory() is None\nassert service.close(0)\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'tokenizers', 'safetensors')))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


class FakeGpu:
    """What is asked of torch.cuda."""

    def __init__(self, *, is_awake):
        self.is_initialized = lambda: is_awake
        self.mem_get_info = lambda: (3, 8)
        self.get_device_name = lambda _device: "A fast card"
        self.get_device_properties = lambda _device: type("Properties", (), {"total_memory": 8})


def test_a_gpu_is_asked_for_its_memory_only_when_it_is_awake(service, model_folder, monkeypatch):
    all_of(service, service.prepare(model_folder))
    monkeypatch.setattr(torch, "cuda", FakeGpu(is_awake=False))
    assert service.gpu_memory() is None
    monkeypatch.setattr(torch, "cuda", FakeGpu(is_awake=True))
    assert service.gpu_memory() == (5, 8)


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("cpu", DeviceFound("CPU")),
        ("mps", DeviceFound("Apple GPU")),
        ("cuda", DeviceFound("A fast card", 8)),
    ],
)
def test_each_device_has_a_name(kind, found, monkeypatch):
    from rlhf_studio.jobs.inference import _found

    monkeypatch.setattr(torch, "cuda", FakeGpu(is_awake=True))
    assert _found(torch.device(kind)) == found


def test_answers_too_long_for_a_judge_are_told(service, model_folder, reward_folder):
    import json

    path = reward_folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "max_position_embeddings": 16}))
    request = service.sample(model_folder, TURNS, 1, SHORT, reward=reward_folder)
    assert "the reward model's context of 16" in failure_in(all_of(service, request), request)
    request = service.score(reward_folder, TURNS, [Answer("a " * 40), Answer("b")])
    assert "the reward model's context of 16" in failure_in(all_of(service, request), request)


def test_an_estimate_comes_out_of_the_service(service, project, model_folder):
    spec = RunSpec("sft", {"epochs": 1, "threads": 1, "device": "cpu"}, {"base": str(model_folder)})
    request = service.estimate(project.folder, spec)
    events = all_of(service, request)
    (found,) = [event for event in events if isinstance(event, EstimateFound)]
    assert found.request == request
    assert found.estimate.seconds > 0
    assert found.estimate.memory.total > 0
    assert isinstance(events[-1], RequestDone)


def test_an_estimate_of_what_cannot_start_says_why(service, project, tmp_path):
    request = service.estimate(project.folder, RunSpec("sft", {}, {"base": str(tmp_path / "nowhere")}))
    assert "nowhere" in failure_in(all_of(service, request), request)
