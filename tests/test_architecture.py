import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal, get_origin

import pytest

from rlhf_studio.settings import (
    NOT_IN_PAPER,
    LoopSettings,
    PpoSettings,
    PretrainSettings,
    RewardSettings,
    SftSettings,
    options,
)

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "rlhf_studio"
FILES = sorted(PACKAGE.rglob("*.py"))
NO_QT = "import sys\nfor name in ('PySide6', 'shiboken6', 'pyqtgraph', 'qtawesome'): sys.modules[name] = None\n"


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    ).stdout.strip()


def modules(*rooms):
    """Names of all modules of some rooms."""
    paths = [path for room in rooms for path in sorted((PACKAGE / room).rglob("*.py"))]
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]


def test_every_module_imports_where_qt_is_missing():
    rooms = [path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists() and path.name != "ui"]
    names = modules(*rooms)
    assert len(names) > 50
    run_python(NO_QT + "import importlib\n" + f"for name in {names!r}: importlib.import_module(name)")


def test_help_starts_without_torch_and_without_settings():
    code = (
        "import sys; from rlhf_studio.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('torch', 'transformers', 'numpy', 'matplotlib', 'pydantic') if name in sys.modules])"
    )
    assert run_python(code).splitlines()[-1] == "[]"


def test_what_a_form_shows_needs_no_torch():
    names = modules("settings", "store", "example")
    code = f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\nprint('torch' in sys.modules)"
    assert run_python(code) == "False"


def test_building_the_window_does_not_import_torch(tmp_path):
    code = (
        "import sys\n"
        "from PySide6.QtCore import QTimer\n"
        "from rlhf_studio.ui import app as program\n"
        "from rlhf_studio.ui.studio import Studio\n"
        "app = program.make_application(['rlhf-studio'])\n"
        "studio = Studio()\n"
        "studio.ended.connect(app.quit)\n"
        "window = studio.start()\n"
        "window.tabs.all_built.connect(window.close_now)\n"
        "app.exec()\n"
        "heavy = ('torch', 'transformers', 'matplotlib')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert run_python(code, QT_QPA_PLATFORM="offscreen", RLHF_STUDIO_DATA=str(tmp_path)) == "[]"


@pytest.mark.skipif(importlib.util.find_spec("importlinter") is None, reason="import-linter is not installed")
def test_import_contracts_are_kept():
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [str(program), "--no-cache"], capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ}
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_habits(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    is_cli = "cli" in path.relative_to(PACKAGE).parts
    for node in ast.walk(ast.parse(text)):
        where = f"{path.name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 60, where
        assert not isinstance(node, ast.Global), where
        assert not (isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)), where
        is_print = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        assert is_cli or not is_print, where


def test_the_window_is_never_made_to_wait_by_hand():
    calls = [path.name for path in FILES if "processEvents(" in path.read_text(encoding="utf-8")]
    assert calls == []


SETTINGS = [
    (cls, option)
    for cls in (SftSettings, RewardSettings, PpoSettings, PretrainSettings, LoopSettings)
    for option in options(cls)
]


@pytest.mark.parametrize(("cls", "option"), SETTINGS, ids=lambda value: getattr(value, "name", None))
def test_every_setting_explains_itself(cls, option):
    declared = cls.model_fields[option.name].json_schema_extra
    assert {"unit", "paper", "simple"} <= set(declared)
    assert option.title
    assert option.title[0].isupper()
    assert option.help.endswith(".")
    assert option.paper
    if option.annotation in (int, float):
        assert set(option.bounds) & {"ge", "gt"}, "a number has a lower bound"
        assert declared["unit"] is not None, "a number has a unit, or unit=NO_UNIT"
    else:
        assert option.annotation in (bool, str) or get_origin(option.annotation) is Literal


@pytest.mark.parametrize(("cls", "option"), SETTINGS, ids=lambda value: getattr(value, "name", None))
def test_where_the_paper_is_silent_a_setting_says_where_its_default_comes_from(cls, option):
    if cls is not PretrainSettings and option.paper.startswith("not "):
        assert option.ours.endswith("."), "say it with ours="
    if option.paper != NOT_IN_PAPER and not option.paper.startswith("not "):
        assert re.search(r"\d|yes|fixed|\(", option.paper), "the paper's value, with its section"


@pytest.mark.parametrize("cls", [SftSettings, RewardSettings, PpoSettings, PretrainSettings])
def test_the_short_form_shows_at_most_six_settings(cls):
    assert 1 <= sum(option.is_simple for option in options(cls)) <= 6


def test_generated_documents_are_up_to_date():
    from rlhf_studio.cli.docs import pages

    for name, page in pages().items():
        written = (ROOT / "resources" / "docs" / name).read_text(encoding="utf-8")
        assert written == page, f"run: python -m rlhf_studio.cli.docs ({name} is out of date)"


def test_every_option_of_every_command_is_documented():
    from rlhf_studio.cli.docs import _commands
    from rlhf_studio.cli.entry import build_parser

    page = (ROOT / "resources" / "docs" / "commands.md").read_text(encoding="utf-8")
    settings = (ROOT / "resources" / "docs" / "settings.md").read_text(encoding="utf-8")
    commands = list(_commands(build_parser()))
    assert len(commands) >= 9
    for command in commands:
        assert command.description
        assert command.prog in page
        for action in command.actions:
            assert action.help, f"{command.prog} {action.dest}"
            name = action.option_strings[0] if action.option_strings else action.metavar
            is_setting = action.dest.startswith("setting:")
            assert (f"`{action.dest.removeprefix('setting:')}`" in settings) if is_setting else (name in page)


def test_the_rooms_are_in_the_architecture_page():
    page = (PACKAGE / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = [path for path in PACKAGE.iterdir() if (path / "__init__.py").exists() or path.suffix == ".py"]
    for room in rooms:
        assert room.stem.startswith("__") or f"`{room.stem}" in page, room.name


def test_changelog_has_an_entry_for_this_version():
    import tomllib

    from rlhf_studio import __version__

    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert version == __version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{version}]" in changelog or "## [Unreleased]" in changelog
