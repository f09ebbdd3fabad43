"""The example project's prompts and demonstrations: enough, short, clean, split, and right by their own rules."""

import json
import re
from collections import Counter

import pytest

from rlhf_studio.example.checks import check
from rlhf_studio.example.prompts import (
    AUTHORS,
    USE_CASES,
    check_rows,
    demonstration_rows,
    example_prompts,
    fresh_tests,
    guidance,
    prompt_row,
    rule_from_row,
)
from rlhf_studio.example.rubric import ending
from rlhf_studio.paths import resources_dir
from rlhf_studio.schema import PURPOSES, SPLITS
from rlhf_studio.schema import USE_CASES as PAPER_USE_CASES


@pytest.fixture(scope="module")
def prompts():
    return example_prompts()


def test_all_use_cases_purposes_and_splits_have_prompts(prompts):
    assert USE_CASES == PAPER_USE_CASES
    assert len(prompts) >= 400
    for use_case in USE_CASES:
        for purpose, least in (("demonstrate", 45), ("rank", 8), ("ppo", 8), ("probe", 1)):
            found = [one for one in prompts if one.use_case == use_case and purpose in one.purposes]
            assert len(found) >= least, (use_case, purpose)
    assert {purpose for one in prompts for purpose in one.purposes} == set(PURPOSES)
    assert {one.split for one in prompts} == set(SPLITS)


def test_about_half_of_the_ppo_and_rank_prompts_ask_for_a_text(prompts):
    for purpose in ("ppo", "rank"):
        counts = Counter(one.use_case == "generation" for one in prompts if purpose in one.purposes)
        assert 0.4 < counts[True] / counts.total() < 0.6


def test_there_are_enough_demonstrations_and_only_where_they_belong(prompts):
    rows = demonstration_rows()
    assert len(rows) >= 500
    by_key = {one.key: one for one in prompts}
    assert all({"demonstrate", "probe"} & set(by_key[row["prompt"]].purposes) for row in rows)
    assert {one.key for one in prompts if "demonstrate" in one.purposes} <= {row["prompt"] for row in rows}
    train = [row for row in rows if by_key[row["prompt"]].split == "train"]
    assert len(train) >= 450


def test_probes_hold_the_papers_examples_and_are_never_trained_on(prompts):
    probes = [one for one in prompts if "probe" in one.purposes]
    assert 8 <= len(probes) <= 10
    assert {one.split for one in probes} == {"test"}
    text = " ".join(one.text for one in probes)
    for part in ("brown bear", "seal", "enthusiasm for my career", "derivative of the sine", "shape is the Earth"):
        assert part in text


def test_every_demonstration_obeys_the_rule_of_its_prompt(prompts):
    wrong = [(one.text, answer) for one in prompts for answer in one.answers if not check(one, answer)]
    assert wrong == []


def test_a_wrong_answer_fails_where_a_right_one_passes(prompts):
    others = {use_case: [one for one in prompts if one.use_case == use_case and one.answers] for use_case in USE_CASES}
    passed = 0
    for use_case, group in others.items():
        for one, other in zip(group, group[7:], strict=False):
            if one.rule != other.rule and use_case != "chat":
                passed += check(one, other.answers[0])
    total = sum(len(group) for group in others.values())
    assert passed < 0.08 * total
    assert not any(check(one, "") or check(one, "I do not know.") for one in prompts)


def test_prompts_and_answers_are_short(prompts):
    assert max(len(one.text.split()) for one in prompts) <= 60
    answers = [answer for one in prompts for answer in one.answers]
    assert max(len(answer.split()) for answer in answers) <= 50


@pytest.mark.parametrize(
    "slip", [r"\b[Aa] [aeio]\w+", r"\b[Aa]n [b-df-gj-np-tv-z]\w+", r"  ", r"[{}\[\]|]", r" [,.!?]", r"\b(\w{3,}) \1\b"]
)
def test_texts_have_no_slips(prompts, slip):
    texts = [text for one in prompts for text in (*one.turns, *one.answers)]
    hits = [text for text in texts if re.search(slip, text) and "A one" not in text]
    assert hits == []


def test_no_prompt_comes_twice_nor_in_two_splits(prompts):
    assert len({one.key for one in prompts}) == len(prompts)
    assert len({one.text.lower() for one in prompts}) == len(prompts)


def test_authors_stay_in_one_split_and_are_at_least_ten(prompts):
    assert len({author for names in AUTHORS.values() for author in names}) >= 10
    for one in prompts:
        assert one.author in AUTHORS[one.split]


def test_test_stories_have_topics_that_training_never_asks_for(prompts):
    def topics(split):
        return {one.rule.words for one in prompts if one.family == "story" and one.split == split}

    assert len(topics("test")) > 5
    assert not topics("train") & topics("test")


def test_demonstrated_stories_do_not_end_well_most_of_the_time(prompts):
    stories = [answer for one in prompts if one.family == "story" and one.split == "train" for answer in one.answers]
    share = sum(ending(story) == 1.0 for story in stories) / len(stories)
    assert 0.2 < share < 0.45


def test_all_sources_come(prompts):
    counts = Counter(one.source for one in prompts)
    assert counts["plain"] > counts["user_based"] > 20
    assert counts["few_shot"] >= 10


def test_more_tests_can_be_drawn_that_the_project_does_not_hold(prompts):
    known = {one.text for one in prompts}
    for use_case in USE_CASES:
        found = fresh_tests(use_case, 5, seed=1)
        assert len(found) == 5
        assert not {one.text for one in found} & known
        assert found == fresh_tests(use_case, 5, seed=1)
        assert all(check(one, answer) for one in found for answer in one.answers)


def test_guidance_names_every_use_case_with_an_example():
    assert tuple(guidance()) == USE_CASES
    for parts in guidance().values():
        assert set(parts) == {"title", "guidance", "prompt", "answer"}
        assert 2 <= len(re.findall(r"[.!?](\s|$)", parts["guidance"])) <= 4


def test_rows_survive_json(prompts):
    row = json.loads(json.dumps(prompt_row(next(one for one in prompts if len(one.turns) == 3))))
    assert [turn["role"] for turn in row["turns"]] == ["user", "assistant", "user"]
    assert [rule_from_row(json.loads(json.dumps(row))) for row in check_rows()] == [one.rule for one in prompts]


def test_the_files_that_ship_are_what_the_code_writes(prompts):
    folder = resources_dir() / "example"
    shipped = [json.loads(line) for line in (folder / "prompts.jsonl").read_text(encoding="utf-8").splitlines()]
    assert shipped == [prompt_row(one) for one in prompts]
    shipped = [json.loads(line) for line in (folder / "demonstrations.jsonl").read_text(encoding="utf-8").splitlines()]
    assert shipped == demonstration_rows()
    assert json.loads((folder / "guidance.json").read_text(encoding="utf-8")) == guidance()
