"""What the window keeps between two labels: unfinished answers and edits, and small settings of the project."""

from rlhf_studio.errors import DataError
from rlhf_studio.store.checks import check_text
from rlhf_studio.store.database import Changes, now
from rlhf_studio.store.labels import LabelTables

META_PREFIX = "ui."
_DRAFT = Changes(frozenset({"draft"}))
_NOTHING = Changes(frozenset())


class DraftTable(LabelTables):
    """One unfinished demonstration for each prompt, and one unfinished edit for each demonstration."""

    def save_draft(self, prompt_id: int, text: str, model: str = "") -> Changes:
        """Keep an unfinished answer in place of the one before; a blank one is forgotten.

        ``model`` names the model whose answer it began with.

        Raises:
            DataError: If there is no such prompt.
        """
        check_text(text + model, f"The draft for prompt {prompt_id}")
        with self.transaction():
            # what was typed last is kept, also where the prompt was deleted meanwhile: undo brings both back
            self._check_prompt_id(prompt_id, may_be_deleted=True)
            if not text.strip():
                return self._drop_draft(prompt_id)
            changed = self._db.execute(
                "INSERT INTO draft (prompt_id, text, saved, model) VALUES (?, ?, ?, ?) ON CONFLICT (prompt_id)"
                " DO UPDATE SET text = excluded.text, saved = excluded.saved, model = excluded.model"
                " WHERE text <> excluded.text OR model <> excluded.model",
                (prompt_id, text, now(), model),
            ).rowcount
        return _DRAFT if changed else _NOTHING

    def draft(self, prompt_id: int) -> str | None:
        """The unfinished answer to a prompt."""
        rows = self._read("SELECT text FROM draft WHERE prompt_id = ?", (prompt_id,))
        return rows[0][0] if rows else None

    def draft_model(self, prompt_id: int) -> str:
        """The model whose answer the unfinished answer to a prompt began with; empty for a person's own words."""
        rows = self._read("SELECT model FROM draft WHERE prompt_id = ?", (prompt_id,))
        return str(rows[0][0]) if rows else ""

    def drafts(self) -> dict[int, str]:
        """Every unfinished answer by the id of its prompt."""
        return dict(self._read("SELECT prompt_id, text FROM draft ORDER BY prompt_id"))

    def save_edit(self, demonstration_id: int, text: str) -> Changes:
        """Keep an unfinished new version of a demonstration; one that is blank or changes nothing is forgotten.

        Raises:
            DataError: If there is no such demonstration.
        """
        check_text(text, f"The edit of demonstration {demonstration_id}")
        with self.transaction():
            rows = self._read("SELECT text FROM demonstration WHERE id = ?", (demonstration_id,))
            if not rows:
                raise DataError(
                    f"There is no demonstration {demonstration_id} in this project. Choose one of the list."
                )
            if not text.strip() or text == rows[0][0]:
                return self._drop_edit(demonstration_id)
            changed = self._db.execute(
                "INSERT INTO demonstration_draft (demonstration_id, text, saved) VALUES (?, ?, ?)"
                " ON CONFLICT (demonstration_id) DO UPDATE SET text = excluded.text, saved = excluded.saved"
                " WHERE text <> excluded.text",
                (demonstration_id, text, now()),
            ).rowcount
        return _DRAFT if changed else _NOTHING

    def edit(self, demonstration_id: int) -> str | None:
        """The unfinished new version of a demonstration."""
        rows = self._read("SELECT text FROM demonstration_draft WHERE demonstration_id = ?", (demonstration_id,))
        return rows[0][0] if rows else None

    def edits(self, prompt_id: int) -> dict[int, str]:
        """Unfinished new versions of a prompt's demonstrations that count, by their ids, the latest touched last."""
        rows = self._read(
            "SELECT demonstration_id, e.text FROM demonstration_draft e JOIN live_demonstration d"
            " ON d.id = demonstration_id WHERE d.prompt_id = ? ORDER BY e.saved, demonstration_id",
            (prompt_id,),
        )
        return dict(rows)

    def get_meta(self, name: str) -> str | None:
        """A small setting of this project; None where it was never set."""
        rows = self._read("SELECT value FROM meta WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    def set_meta(self, name: str, value: str) -> Changes:
        """Keep a small setting of the window with this project.

        Raises:
            DataError: If the name does not begin with "ui.", because the others are the project's own.
        """
        if not name.startswith(META_PREFIX):
            raise DataError(f"The setting {name!r} is not the window's. Use a name that begins with {META_PREFIX!r}.")
        check_text(name + value, f"The setting {name!r}")
        with self.transaction():
            changed = self._db.execute(
                "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
                " WHERE value <> excluded.value",
                (name, value),
            ).rowcount
        return Changes(frozenset({"meta"})) if changed else _NOTHING

    def _drop_draft(self, prompt_id: int) -> Changes:
        dropped = self._db.execute("DELETE FROM draft WHERE prompt_id = ?", (prompt_id,)).rowcount
        return _DRAFT if dropped else _NOTHING

    def _drop_edit(self, demonstration_id: int) -> Changes:
        dropped = self._db.execute(
            "DELETE FROM demonstration_draft WHERE demonstration_id = ?", (demonstration_id,)
        ).rowcount
        return _DRAFT if dropped else _NOTHING
