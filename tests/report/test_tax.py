import json
from dataclasses import asdict
from pathlib import Path

import pytest

from rlhf_studio.paths import models_dir
from rlhf_studio.report.seeds import Trained
from rlhf_studio.report.tax import VARIANTS, TaxResult, curve, run_tax_seed
from rlhf_studio.report.tax_page import ARMS, common_reward, loss_at, share_gone, verdicts, write_tax_page

# (step, score, nats per token, KL)
RISING = [(3, 0.0, 2.0, 1.0), (6, 1.0, 2.2, 2.0), (9, 2.0, 2.6, 4.0)]
FLAT = [(3, 0.0, 2.0, 1.0), (6, 2.0, 2.05, 3.0), (9, 1.9, 2.1, 5.0)]


def seed(**changes):
    bits = {"base": 1.6, "start": 1.7, "ppo": 2.0, "ppo-ptx": 1.75, "beta x 2": 1.95, "beta x 4": 1.75}
    low = [(3, 0.0, 2.0, 1.0), (9, 0.5, 2.1, 1.5)]
    curves = {"ppo": RISING, "ppo-ptx": FLAT, "beta x 2": RISING, "beta x 4": low}
    return {"bits": bits, "curves": curves, "start_loss": 1.9, "cpu": 60.0, "seconds": {}} | changes


def test_the_share_of_the_rise_that_is_gone():
    assert share_gone(seed(), "ppo-ptx") == pytest.approx(1 - 0.05 / 0.3)
    assert share_gone(seed(), "ppo") == pytest.approx(0.0)


def test_loss_at_a_reward_is_taken_between_two_probes():
    assert loss_at(seed(), "ppo", 1.5) == pytest.approx(2.4 - 1.9)
    assert loss_at(seed(), "ppo", -1.0) == pytest.approx(2.0 - 1.9)  # it began higher
    with pytest.raises(ValueError, match="never had"):
        loss_at(seed(), "beta x 4", 0.6)


def test_a_reward_that_both_arms_reached():
    assert common_reward(seed(), "ppo") == 2.0
    assert common_reward(seed(), "beta x 4") == 0.5


def test_verdicts_follow_from_the_figures():
    rows = verdicts([seed(), seed(), seed()])
    assert [row[-1] for row in rows] == ["yes", "yes", "**no**", "no, it does not", "no, it does not"]
    assert rows[2][2] == "-0.10 ± 0.00"  # PPO-ptx ended at 1.9, PPO at 2.0
    as_good = {**seed()["curves"], "beta x 4": FLAT}
    assert verdicts([seed(curves=as_good)] * 3)[-1][-1] == "**yes, it does**"
    no_rise = {**seed()["bits"], "ppo": 1.69}
    assert verdicts([seed(), seed(bits=no_rise), seed()])[0][-1] == "**no**"


def test_the_page_has_every_arm(tmp_path):
    write_tax_page(tmp_path / "tax.md", "tiny", [seed(), seed()])
    page = (tmp_path / "tax.md").read_text(encoding="utf-8")
    assert all(name in page for name in ARMS.values())
    assert (tmp_path / "images" / "tax.png").read_bytes().startswith(b"\x89PNG")


def test_the_curve_of_an_arm_joins_what_each_probe_measured():
    curves = {"valid/scores": [(3, 0.5)], "loss/text_valid": [(0, 1.9), (3, 2.0)], "valid/kl": [(3, 1.0)]}
    assert curve(Trained(Path("model"), curves, 1.0)) == [(3, 0.5, 2.0, 1.0)]


@pytest.mark.slow
def test_a_short_seed_measures_every_arm(tmp_path):
    ppo = {"steps": 1, "batch_size": 8}
    short = {"sft": {"epochs": 1, "max_length": 24}, "reward": {"max_rankings": 8}, "ppo": ppo}
    told = []
    result = run_tax_seed(tmp_path / "p", models_dir() / "tiny", 0, told.append, settings=short)
    assert isinstance(result, TaxResult)
    assert told == [*VARIANTS, "measuring"]
    assert set(result.curves) == set(ARMS)
    found = json.loads(json.dumps(asdict(result)))
    assert loss_at(found, "ppo", -1e9) == pytest.approx(result.curves["ppo"][0][2] - result.start_loss)
