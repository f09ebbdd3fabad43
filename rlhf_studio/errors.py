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


class DivergedError(RunError):
    """A loss or a gradient is not finite.

    Attributes:
        cause: In a few words, such as "policy loss nan at step 7".
    """

    def __init__(self, what: str, value: float, step: int) -> None:
        super().__init__(
            f"The {what} became {value} at step {step}. The weights were left as they were; "
            "lower the learning rate and resume from the last checkpoint."
        )
        self.cause = f"{what} {value} at step {step}"
        self._said = (what, value, step)

    def __reduce__(self) -> tuple[type["DivergedError"], tuple[str, float, int]]:
        """For the other processes of the run: by default only the sentence would be kept."""
        return type(self), self._said


class ProjectReadOnlyError(DataError):
    """A write was asked of a project that another program, or the file system, keeps from us."""
