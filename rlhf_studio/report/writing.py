"""Puts a report into a folder: models, metrics, plots and the page."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rlhf_studio.report.colours import DARK, LIGHT, ModelKey
from rlhf_studio.report.curves import curves_csv
from rlhf_studio.report.material import Report
from rlhf_studio.report.page import build_page
from rlhf_studio.report.plots import draw_all

PAGE = "report.html"


def write_report(out: Path, report: Report, models: Mapping[ModelKey, Path]) -> Path:
    """Write everything and return the page's path; the page comes last, so that what it points to is there.

    Args:
        out: Is made if it is not there; files of an earlier report are replaced.
        report: What the page shows.
        models: Folders to copy to ``models/<key>``.

    Raises:
        OSError: If something cannot be written.
    """
    (out / "models").mkdir(parents=True, exist_ok=True)
    for key, folder in models.items():
        copy_folder(folder, out / "models" / key)
    for stage in report.stages:
        write_file(out / "metrics" / f"{stage.key}.csv", curves_csv(stage.curves, stage.changes).encode())
    light = draw_all(report.stages, LIGHT)
    for name, png in light.items():
        write_file(out / "plots" / f"{name}.png", png)
    page = out / PAGE
    write_file(page, build_page(report, light, draw_all(report.stages, DARK)).encode())
    return page


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder so that ``target`` is never half a copy."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as beside:
        copied = Path(beside) / "new"
        shutil.copytree(source, copied)
        if target.exists():
            target.rename(Path(beside) / "old")
        copied.rename(target)


def write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
