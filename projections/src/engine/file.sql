-- What every view file has besides the tables of its views.

-- Up to where all views are folded, and the leaf hash there: a view of another log is noticed.
CREATE TABLE checkpoint (
    position INTEGER NOT NULL,
    leaf     BLOB    NOT NULL,
    complete INTEGER NOT NULL
) STRICT;
INSERT INTO checkpoint VALUES (0, zeroblob(32), 0);

CREATE TABLE view (
    name        TEXT    PRIMARY KEY,
    version     INTEGER NOT NULL,
    fingerprint TEXT    NOT NULL,
    digest      BLOB    NOT NULL
) STRICT;

-- Every client: the head of his alias group, whether anybody knows who the group is (identified) or his own
-- stream tells it (known), the last event of his stream that is folded in (version), and how far the facts
-- reach: as recorded in his stream (seen), as corrected in
-- the group (frontier).
CREATE TABLE subject (
    client     TEXT    NOT NULL,
    root       TEXT    NOT NULL,
    identified INTEGER NOT NULL,
    known      INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    seen       BLOB    NOT NULL,
    frontier   BLOB    NOT NULL
) STRICT;

-- Merges and their undoings; survivor is null for an undoing.
CREATE TABLE alias_change (
    position    INTEGER PRIMARY KEY,
    recorded_at INTEGER NOT NULL,
    absorbed    TEXT    NOT NULL,
    survivor    TEXT
) STRICT;

-- Rows whose fold panicked: they stay as they were.
CREATE TABLE parked (
    view     TEXT    NOT NULL,
    owner    TEXT    NOT NULL,
    key      BLOB    NOT NULL,
    position INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    PRIMARY KEY (view, owner, key)
) STRICT;
