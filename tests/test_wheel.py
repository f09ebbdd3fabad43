import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="hatchling is not installed")
def test_the_wheel_works_away_from_the_checkout(tmp_path):
    """``.ci/run`` does the same with ``pip install`` and runs the demo from it."""
    build = "import sys, hatchling.build; hatchling.build.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], check=True, cwd=ROOT, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    bundled = site / "rlhf_studio" / "_bundled"
    assert (bundled / "resources" / "report" / "report.css").is_file()
    assert (bundled / "resources" / "example" / "prompts.jsonl").is_file()
    assert list((bundled / "models").glob("*/model.safetensors"))
    assert not list(site.glob("tests"))
    code = "from rlhf_studio.paths import *; print(resources_dir()); print(models_dir())"
    out = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(site)},
    ).stdout.split()
    assert out == [str(bundled / "resources"), str(bundled / "models")]
