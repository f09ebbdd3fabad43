"""Exceptions whose text is fit to show to a user."""


class StudioError(Exception):
    """Base class: one sentence that says what is wrong, with the value, then what to do."""

    exit_code = 1


class DataError(StudioError):
    """The labels or files given cannot serve the requested operation."""

    exit_code = 3


class ModelError(StudioError):
    """A model folder or tokenizer cannot be used."""

    exit_code = 4


class RunError(StudioError):
    """A training run cannot start, go on or be resumed."""

    exit_code = 5


class ProjectReadOnlyError(DataError):
    """A write was asked of a project that another program, or the file system, keeps from us."""
