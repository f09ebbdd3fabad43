import errno

import pytest

from rlhf_studio.cli.failures import explain
from rlhf_studio.errors import DataError, ModelError, RunError


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RLHF_STUDIO_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.mark.parametrize(("kind", "code"), [(DataError, 3), (ModelError, 4), (RunError, 5)])
def test_a_known_failure_is_its_own_sentence(kind, code):
    assert explain(kind("Nothing to train on. Write some.")) == ("Nothing to train on. Write some.", code)


def raised():
    def fail():
        raise ZeroDivisionError("a\nb")

    with pytest.raises(ZeroDivisionError) as failure:
        fail()
    return failure.value


def test_an_unexpected_failure_goes_to_the_log_with_its_traceback(data_folder):
    sentence, code = explain(raised())
    log = data_folder / "logs" / "rlhf-studio.log"
    assert code == 1
    assert str(log) in sentence
    assert "ZeroDivisionError: a." in sentence
    assert "\n" not in sentence
    assert "in fail" in log.read_text()


def test_the_log_goes_elsewhere_if_the_data_folder_cannot_be_written(data_folder, tmp_path, monkeypatch):
    data_folder.write_text("a file where a folder should be")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sentence, _ = explain(raised())
    assert (tmp_path / "rlhf-studio-logs" / "rlhf-studio.log").is_file()
    assert "rlhf-studio-logs" in sentence


def test_no_log_at_all_is_said(data_folder, tmp_path, monkeypatch):
    data_folder.write_text("")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing" / "folder"))
    (tmp_path / "missing").write_text("")
    assert "could not be written to a log" in explain(raised())[0]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "memory is exhausted"),
        (OSError(errno.ENOSPC, "No space left", "/x/y"), "disk is full where '/x/y' should lie"),
        (OSError(errno.ENOSPC, "No space left"), "disk is full. Make room"),
        (PermissionError(errno.EACCES, "denied", "/x"), "'/x' may not be read or written"),
    ],
)
def test_failures_of_the_machine_need_no_traceback(error, said, data_folder):
    sentence, code = explain(error)
    assert said in sentence
    assert code == 1
    assert not data_folder.exists()


def test_exhausted_gpu_memory_is_memory():
    torch = pytest.importorskip("torch")
    assert "memory is exhausted" in explain(torch.OutOfMemoryError("CUDA out of memory"))[0]
