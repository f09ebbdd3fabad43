import subprocess
import sys
from pathlib import Path

import pytest

from rlhf_studio.cli import entry, main

ROOT = Path(entry.__file__).parent.parent.parent


def test_version_and_help(capsys):
    for words in (["--version"], ["--help"], ["train", "ppo", "--help"], ["project", "new", "--help"]):
        with pytest.raises(SystemExit) as ending:
            main(words)
        assert ending.value.code == 0
    assert "rlhf-studio" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["fly"], ["train"], ["train", "sft"], ["sample", "--model", "x"], ["demo", "--ou", "x"]]
)
def test_misuse_is_explained(words, capsys):
    with pytest.raises(SystemExit) as ending:
        main(words)
    assert ending.value.code == 2
    assert "usage: rlhf-studio" in capsys.readouterr().err


def test_a_bug_becomes_a_sentence(monkeypatch, capsys):
    def fail(_args):
        raise KeyError("oops")

    monkeypatch.setattr("rlhf_studio.cli.demo.run", fail)
    assert entry.main(["demo"]) == 1
    err = capsys.readouterr().err
    assert "Something went wrong that should not: KeyError: 'oops'" in err
    assert "Traceback" not in err


def test_ctrl_c_outside_of_a_run(monkeypatch, capsys):
    def interrupt(_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("rlhf_studio.cli.demo.run", interrupt)
    assert entry.main(["demo"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_as_a_module_and_with_a_reader_that_goes_away(tmp_path):
    code = "import sys; from rlhf_studio.cli import main; sys.exit(main(['project', 'info', sys.argv[1]]))"
    main(["project", "new", str(tmp_path / "p")])
    words = [sys.executable, "-c", code, str(tmp_path / "p")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as program:
        program.stdout.close()  # nobody reads
        assert b"Traceback" not in program.stderr.read()
        assert program.wait(timeout=60) in (0, 130)
    out = subprocess.run(
        [sys.executable, "-m", "rlhf_studio", "--version"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert out.stdout.startswith("rlhf-studio ")
