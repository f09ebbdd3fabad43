import random

import pytest

from rlhf_studio.jobs.inference import BACKGROUND, URGENT, RequestDone, RequestFailed
from rlhf_studio.jobs.lineup import AHEAD, Answerer
from rlhf_studio.jobs.models import language_models
from rlhf_studio.paths import models_dir
from rlhf_studio.schema import NewCompletion, NewPrompt, Turn
from rlhf_studio.ui.rank.queue import RankQueue


@pytest.fixture
def model(store):
    return language_models(store.folder, models_dir())[0]


@pytest.fixture
def queue(session, service, model):
    queue = RankQueue(session)
    queue.models = (model,)
    queue.choose((Answerer(model),), 4)
    yield queue
    queue.close()
    queue.deleteLater()


def add_prompts(store, count):
    new = [NewPrompt((Turn("user", f"Prompt {n}"),), purposes=frozenset({"rank"})) for n in range(count)]
    return store.add_prompts(new).ids


def answer(service, session, request=None):
    request = request or service.asked[-1]
    for index in range(request.k):
        service.answer(request, f"{request.prompt_id}, {request.step}, {index}", index)
    service.tell(RequestDone(request.number, 1.0))
    session.poll_answers()


def test_nothing_is_asked_before_the_tab_was_shown(queue, service):
    assert service.asked == []
    queue.start()
    assert len(service.asked) == 1


def test_sets_are_kept_ahead_and_no_more(queue, service, session, store, model):
    add_prompts(store, 4)
    queue.start()
    for _ in range(9):
        if not queue.is_sampling:
            break
        answer(service, session)
    assert len(service.asked) == AHEAD + 1
    assert len(store.answer_sets()) == AHEAD + 1
    request = service.asked[0]
    assert (request.model, request.k, request.priority) == (model, 4, BACKGROUND)
    assert (request.sampling.temperature, request.sampling.max_new_tokens) == (1.0, 48)
    completion = store.set_answers(store.answer_sets()[0].id)[0]
    assert (completion.model, completion.checkpoint) == (model.title, model.key)


def test_prompts_with_the_fewest_rankings_and_sets_come_first(queue, service, session, store):
    first, second, third = (store.prompts("rank")[0].id, *add_prompts(store, 2))
    ids = store.add_completions([NewCompletion(second, text, "m") for text in "ab"]).ids
    store.add_ranking(second, [[i] for i in ids], labeler="Tess")
    queue.start()
    for _ in range(3):
        answer(service, session)
    assert [request.prompt_id for request in service.asked] == [first, third, first]


def test_the_order_shown_is_shuffled_kept_and_always_the_same(queue, service, session, store):
    add_prompts(store, 4)
    queue.start()
    orders = []
    for _ in range(3):
        answer(service, session)
        texts = [completion.text for completion in store.set_answers(store.answer_sets()[-1].id)]
        orders.append([int(text[-1]) for text in texts])
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders)
    assert any(order != [0, 1, 2, 3] for order in orders)
    assert orders == [
        random.Random(f"0/{request.prompt_id}/{request.step}/4").sample(range(4), 4) for request in service.asked[:3]
    ]


def test_a_person_who_waits_comes_first_and_sees_the_same_draws(queue, service, session, qtbot):
    queue.start()
    ahead = service.asked[-1]
    with qtbot.waitSignal(queue.streaming):
        queue.sample_now()
    now = service.asked[-1]
    assert service.cancelled == [ahead.number]
    assert now.priority == URGENT
    assert (now.prompt_id, now.step) == (ahead.prompt_id, ahead.step)
    with qtbot.waitSignal(queue.set_ready):
        answer(service, session)


def test_a_failure_is_told_once_and_not_tried_again_by_itself(queue, service, session, qtbot):
    queue.start()
    with qtbot.waitSignal(queue.failed) as blocker:
        service.tell(RequestFailed(service.asked[-1].number, "The memory is exhausted."))
        session.poll_answers()
    assert blocker.args == ["The memory is exhausted."]
    queue.fill()
    assert len(service.asked) == 1
    assert queue.sample_now()
    assert len(service.asked) == 2


def test_another_k_drops_what_was_asked_ahead(queue, service, model):
    queue.start()
    queue.choose((Answerer(model),), 6)
    assert service.cancelled == [1]
    assert service.asked[-1].k == 6


def test_the_wanted_size_comes_first(queue, store, model):
    prompt = store.prompts("rank")[0].id
    for k in (5, 4):
        store.add_answer_set(prompt, [NewCompletion(prompt, f"{k} {n}", "m") for n in range(k)])
    assert [len(answers.completion_ids) for answers in queue.waiting()] == [4, 5]


def test_sets_of_the_model_that_a_person_chose_come_first(queue, store, service, session, model):
    prompt = store.prompts("rank")[0].id
    texts = [NewCompletion(prompt, f"Old {n}", "another model", checkpoint="run:gone") for n in range(4)]
    old = [store.add_answer_set(prompt, texts).ids[0] for _ in range(AHEAD + 1)]
    queue.start()
    assert service.asked == []  # enough wait, and nobody chose
    queue.choose((Answerer(model),), 4, is_wanted=True)
    assert service.asked[-1].model == model
    answer(service, session)
    newest = store.answer_sets()[-1].id
    assert [answers.id for answers in queue.waiting()] == [newest, *old]
    assert [queue.fits(answers) for answers in queue.waiting()] == [True, *[False] * len(old)]


def test_closed_it_asks_for_nothing(queue, service, session, store):
    queue.start()
    queue.close()
    assert service.cancelled == [1]
    queue.fill()
    assert len(service.asked) == 1
    assert not queue.is_sampling


def test_an_answer_is_sampled_anew_from_the_model_that_gave_it(queue, service, session, store, model):
    queue.start()
    answer(service, session)
    queue.close()
    answers = store.answer_sets()[0]
    old = store.set_answers(answers.id)[2]
    assert queue.reroll(answers, old)
    assert not queue.reroll(answers, old)
    request = service.asked[-1]
    assert (request.k, request.model, request.priority) == (1, model, URGENT)
    assert old.text in request.avoid
    service.answer(request, "New.")
    session.poll_answers()
    assert store.set_answers(answers.id)[2].text == "New."
    assert not queue.is_rerolling
