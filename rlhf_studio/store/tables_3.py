"""The tables of a project, version 3: the journal knows the change of the simulated rankings' target.

Such an act takes rankings back and makes others, so the journal says of each ranking which of the two it was.

This text is the past: a change of the tables is a new migration, never an edit here.
"""

SCHEMA_3 = """
CREATE TABLE journal_3 (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN (
        'demonstration', 'ranking', 'unrankable', 'skipped', 'retraction', 'restoration', 'simulated', 'target')),
    prompt_id INTEGER REFERENCES prompt (id),
    set_id INTEGER REFERENCES answer_set (id),
    demonstration_id INTEGER REFERENCES demonstration (id),
    ranking_id INTEGER REFERENCES ranking (id),
    verdict_id INTEGER REFERENCES answer_set_verdict (id),
    state TEXT NOT NULL DEFAULT 'done' CHECK (state IN ('done', 'undone', 'dropped')),
    who TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT;
INSERT INTO journal_3 (id, kind, prompt_id, set_id, demonstration_id, ranking_id, verdict_id, state, who, created)
    SELECT id, kind, prompt_id, set_id, demonstration_id, ranking_id, verdict_id, state, who, created FROM journal;
DROP TABLE journal;
ALTER TABLE journal_3 RENAME TO journal;
CREATE INDEX journal_by_state ON journal (state);
ALTER TABLE journal_ranking ADD COLUMN is_made INTEGER NOT NULL DEFAULT 0 CHECK (is_made IN (0, 1));
"""
