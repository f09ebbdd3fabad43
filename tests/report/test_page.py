import re
from html.parser import HTMLParser

import pytest
from report_material import probe, report, stages

from rlhf_studio.report import headline
from rlhf_studio.report.colours import DARK, LIGHT
from rlhf_studio.report.markup import number
from rlhf_studio.report.material import ModelFigures, Provenance
from rlhf_studio.report.page import build_page
from rlhf_studio.report.plots import available_plots

VOID = {"meta", "img", "source", "br", "link"}


class Tags(HTMLParser):
    """Collects tags and words and checks that every tag that opens also closes."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.words = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def build(given):
    pictures = {plot.name: b"\x89PNG" for plot in available_plots(given.stages)}
    page = build_page(given, pictures, pictures)
    tags = Tags()
    tags.feed(page)
    assert not tags.open
    return page, tags


def test_the_page_stands_alone():
    page, tags = build(report())
    assert not re.search(r"https?://", page)
    assert {tag for tag, _ in tags.seen}.isdisjoint({"script", "link", "iframe", "object"})
    sources = [attrs.get("src") or attrs.get("srcset") for tag, attrs in tags.seen if tag in {"img", "source"}]
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "prefers-color-scheme: dark" in page


def test_text_of_people_and_models_shows_as_it_was_typed():
    nasty = "<script>alert('1')</script> & \"<|endoftext|>\" <b>bold</b>"
    page, tags = build(report(probes=(probe(nasty, nasty, nasty, "", nasty),)))
    assert "<script" not in page
    assert tags.words.count(nasty) == 4
    assert "(an empty answer)" in page


def test_the_project_and_settings_are_escaped_too():
    provenance = Provenance("<i>me</i>", "<u>base</u>", {"<a>": "<p>"}, {"<v>": "1"}, created="<now>")
    page, _ = build(report(provenance=provenance))
    assert not re.search(r"<(i>|u>|a>|v>|now>)", page.replace('<i style="', ""))


def test_every_model_stage_and_setting_is_on_the_page():
    page, tags = build(report())
    words = " ".join(tags.words)
    for name in ("Base", "SFT", "Reward model", "PPO", "PPO-ptx"):
        assert name in tags.words
    assert "405 demonstrations, 45 held out" in words
    assert "+1.78" in words
    assert "0.02 (C.4)" in words  # the paper's beta beside the one used
    assert '<span class="changed">0.07 ' in page


def test_simulated_labels_are_marked():
    assert "simulated: 150 of 150 rankings" in build(report())[0]
    by_people = Provenance("mine", "tiny", rankings=20)
    assert "simulated:" not in build(report(provenance=by_people))[0]
    assert "labelers of this project" in headline.caution(report(provenance=by_people))


def test_an_almost_empty_report_still_makes_a_page():
    page, _ = build(report(stages=(), models=(), probes=(), held_out_prompts=0))
    assert "What the training stages did" in page


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (-0.1, 1.78, "PPO-ptx raised the mean reward from \u22120.10 to +1.78"),
        (1.0, 0.2, "PPO-ptx lowered the mean reward from +1.00 to +0.20"),
        (1.0, 1.05, "PPO-ptx left the reward almost where it was: from +1.00 to +1.05"),
    ],
)
def test_the_title_says_what_the_figures_say(before, after, said):
    models = (ModelFigures("sft", before), ModelFigures("ppo", 9.0), ModelFigures("ppo-ptx", after))
    assert headline.title(report(models=models)) == said


def test_the_story_compares_natural_text_with_the_base_model():
    sentence = headline.story(report())[-1]
    assert "3.42" in sentence
    assert "PPO-ptx ends 0.02 above it, plain PPO 0.81 above it" in sentence
    without_base = report(models=(ModelFigures("sft", 0.0), ModelFigures("ppo-ptx", 1.0, 2.0)), stages=stages())
    assert "natural text" not in " ".join(headline.story(without_base))


def test_a_reward_that_is_no_number_is_said_to_be_none():
    page, _ = build(report(models=(ModelFigures("sft", 0.0), ModelFigures("ppo", float("nan"), float("inf")))))
    assert "not finite" in page


def test_style_sheet_and_plots_have_the_same_colours():
    page, _ = build(report())
    light, dark = re.findall(
        r"--base: (#\w+).*?--sft: (#\w+).*?--reward: (#\w+).*?--ppo: (#\w+).*?--ppo-ptx: (#\w+)", page
    )
    assert list(light) == list(LIGHT.models.values())
    assert list(dark) == list(DARK.models.values())


def test_signs_of_reward_hacking_are_told():
    same = tuple(probe(f"Prompt {i}", "a", f"answer {i}", "b", "Ha.") for i in range(6))
    short = (ModelFigures("sft", 0.9, 0.0, 4.0, 14.0), ModelFigures("ppo-ptx", 7.0, 8.0, 4.0, 4.0))
    told = headline.signs_of_hacking(report(probes=same, models=short))
    assert told[0] == "PPO-ptx gives one and the same answer to 6 probe prompts."
    assert told[1] == "Its mean answer shrank from SFT's 14 tokens to 4."
    assert "please the reward model" in build(report(probes=same, models=short))[0]
    assert headline.signs_of_hacking(report()) == []
    two = (*same[:5], probe("Prompt", "a", "b", "c", "Other."))
    assert headline.signs_of_hacking(report(probes=two))[0].startswith("PPO-ptx gives only 2 different answers to 6")
    lower = (ModelFigures("sft", 9.0, 0.0, 4.0, 14.0), short[1])
    assert headline.signs_of_hacking(report(probes=same, models=lower)) == []


def test_probes_that_did_not_fit_are_counted():
    assert "none left out" in build(report())[0]
    assert "except 2 too long for the model" in build(report(probes_left_out=2))[0]


def test_too_few_words_tell_nothing():
    few = tuple(probe(f"Prompt {i}", "a", "b", "c", f"Answer{i}") for i in range(6))
    assert headline.signs_of_hacking(report(probes=few)) == []


def test_much_the_same_words_are_told_too():
    start = "Today there was a contest on the boat and the prize was a"
    probes = tuple(
        probe(f"Prompt {i}", "a", " ".join(f"word{i}{j}" for j in range(9)), "b", f"{start} {word}.")
        for i, word in enumerate(["hat", "ball", "box", "lamp", "comb"])
    )
    told = headline.signs_of_hacking(report(probes=probes))
    assert told[0].startswith("PPO-ptx answers the 5 probe prompts in much the same words: 25% of its word pairs")
    assert headline.distinct_pairs(["a b a b", "a b"]) is None
    assert headline.distinct_pairs(["a b " * 11]) == pytest.approx(2 / 21)


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [(-0.004, "+.2f", "0.00"), (-1.5, ".1f", "\u22121.5"), (0.97, ".0%", "97%"), (None, ".2f", "\u2013")],
)
def test_numbers(value, form, shown):
    assert number(value, form) == shown
