import json

from rlhf_studio.cli import entry
from rlhf_studio.jobs.labelers import measure_labelers
from rlhf_studio.schema import NewCompletion, NewPrompt, Turn
from rlhf_studio.store.project import create_project


def test_the_numbers_of_the_window_are_printed_and_kept(tmp_path, capsys):
    folder = tmp_path / "project"
    with create_project(folder, "A test") as store:
        (prompt_id,) = store.add_prompts([NewPrompt((Turn("user", "Why?"),))]).ids
        set_id = store.add_answer_set(prompt_id, [NewCompletion(prompt_id, 3 * text, "SFT") for text in "abc"]).ids[0]
        a, b, c = store.answer_set(set_id).completion_ids
        store.rank_set(set_id, [[a], [b], [c]], 1.0, "Ada")
        store.rank_again(set_id, [[b], [a], [c]], (c, b, a), 1.0, "Bo", is_repeat=False)
        store.rank_again(set_id, [[a], [c], [b]], (c, b, a), 1.0, "Ada", is_repeat=True)
        found = measure_labelers(store)
    out = tmp_path / "out"
    assert entry.main(["evaluate", "agreement", "--project", str(folder), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "Ranked by Ada (1), Bo (1); 1 silent repeats." in said
    assert "pairs ordered alike                66.7 %" in said
    assert "Kendall's tau-b, mean              +0.333 [-1.000, +1.000]" in said
    assert "72.6 ± 1.5 % among each other, held-out ones 77.3 ± 1.3 %" in said
    assert "1 pairs ordered both ways, 0 circles of three" in said
    assert "Ada, prompt 1, rankings 1, 3 (silent repeat): 'bbb' > 'ccc' > 'bbb'" in said
    assert "the answer shown earlier           66.7 %" in said
    assert "the longer answer                  nothing to measure" in said
    kept = json.loads((out / "agreement.json").read_text())
    assert kept["agreement"]["between"]["pairs"]["value"] == found.agreement.between.pairs.value
    assert entry.main(["evaluate", "agreement", "--project", str(folder), "--rankings", "simulated"]) == 0
    assert "Ranked by nobody" in capsys.readouterr().out
