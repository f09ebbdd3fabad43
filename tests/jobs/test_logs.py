import logging

import pytest

from rlhf_studio.jobs import logs
from rlhf_studio.jobs.logs import last_lines, log_file, start_logging, stop_logging


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RLHF_STUDIO_DATA", str(tmp_path / "data"))
    yield tmp_path / "data"
    stop_logging()


def test_lines_go_into_one_file_once(data_folder):
    assert start_logging() == start_logging() == data_folder / "logs" / "rlhf-studio.log"
    logging.getLogger("rlhf_studio.jobs").info("hello %s", "there")
    assert [line.split("MainThread ")[1] for line in last_lines(9)] == ["hello there"]


def test_the_file_stays_small(monkeypatch, data_folder):
    monkeypatch.setattr(logs, "MOST_BYTES", 2_000)
    start_logging()
    for number in range(200):
        logging.getLogger("rlhf_studio").info("line %d of a log that goes on and on", number)
    files = sorted(path.name for path in log_file().parent.iterdir())
    assert files == ["rlhf-studio.log", "rlhf-studio.log.1", "rlhf-studio.log.2"]
    assert log_file().stat().st_size <= 2_000
    assert last_lines(1)[0].endswith("line 199 of a log that goes on and on")


def test_text_that_no_encoding_knows_does_not_stop_the_program(monkeypatch):
    start_logging()
    # pytest must not see it: pytest-xdist could not send it on
    monkeypatch.setattr(logging.getLogger("rlhf_studio"), "propagate", False)
    logging.getLogger("rlhf_studio").info("name \udcff")
    assert "\\udcff" in last_lines(1)[0]


def test_without_a_log_there_are_no_lines():
    assert last_lines(5) == ()
