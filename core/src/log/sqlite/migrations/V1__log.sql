-- The log. Streams and types have integer keys: text keys cost a third of the insert rate.
-- No foreign keys on event: the writer makes the keys itself, and each check is a look-up per row.

PRAGMA application_id = 1279611984; -- "LETP"

CREATE TABLE stream (
    key  INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE event_type (
    key    INTEGER PRIMARY KEY,
    name   TEXT NOT NULL,
    schema INTEGER NOT NULL,
    UNIQUE (name, schema)
) STRICT;

CREATE TABLE event (
    position    INTEGER PRIMARY KEY,
    stream      INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    type        INTEGER NOT NULL,
    id          BLOB NOT NULL UNIQUE,
    occurred_at INTEGER NOT NULL, -- µs UTC
    offset_min  INTEGER NOT NULL,
    ord         INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL, -- µs UTC
    meta        BLOB NOT NULL,
    salt        BLOB NOT NULL,
    facts       ANY NOT NULL,     -- text; a blob only when it is not UTF-8
    sealed_hash BLOB,             -- of the envelope in sealed, also after its erasure
    leaf        BLOB NOT NULL,
    UNIQUE (stream, version)
) STRICT;

CREATE TABLE sealed (
    position INTEGER PRIMARY KEY,
    envelope BLOB NOT NULL
) STRICT;

-- The positions that an erasure deletes from sealed, inside its transaction; empty otherwise.
CREATE TABLE erasing (position INTEGER PRIMARY KEY) STRICT;

CREATE TABLE identity (
    hash   BLOB PRIMARY KEY,
    client BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE alias (
    member BLOB PRIMARY KEY,
    parent BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_by_parent ON alias (parent);

CREATE TABLE subject_key (
    subject BLOB PRIMARY KEY,
    key     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Dense positions and versions also refuse INSERT OR REPLACE, which deletes without a delete trigger.
CREATE TRIGGER event_insert BEFORE INSERT ON event BEGIN
    SELECT RAISE(ABORT, 'position leaves a gap')
    WHERE NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM event);
    SELECT RAISE(ABORT, 'version leaves a gap')
    WHERE NEW.version IS NOT (SELECT coalesce(max(version), 0) + 1 FROM event WHERE stream = NEW.stream);
    SELECT RAISE(ABORT, 'event is recorded already')
    WHERE EXISTS (SELECT 1 FROM event WHERE id = NEW.id);
END;
CREATE TRIGGER event_update BEFORE UPDATE ON event BEGIN
    SELECT RAISE(ABORT, 'an event is never changed');
END;
CREATE TRIGGER event_delete BEFORE DELETE ON event BEGIN
    SELECT RAISE(ABORT, 'an event is never deleted');
END;

CREATE TRIGGER sealed_insert BEFORE INSERT ON sealed BEGIN
    SELECT RAISE(ABORT, 'an envelope is written with its event')
    WHERE NEW.position IS NOT (SELECT max(position) FROM event)
       OR EXISTS (SELECT 1 FROM sealed WHERE position = NEW.position);
END;
CREATE TRIGGER sealed_update BEFORE UPDATE ON sealed BEGIN
    SELECT RAISE(ABORT, 'an envelope is never changed');
END;
CREATE TRIGGER sealed_delete BEFORE DELETE ON sealed
WHEN NOT EXISTS (SELECT 1 FROM erasing WHERE position = OLD.position) BEGIN
    SELECT RAISE(ABORT, 'an envelope is deleted by an erasure only');
END;

CREATE TRIGGER stream_update BEFORE UPDATE ON stream BEGIN
    SELECT RAISE(ABORT, 'a stream is never renamed');
END;
CREATE TRIGGER stream_delete BEFORE DELETE ON stream BEGIN
    SELECT RAISE(ABORT, 'a stream is never deleted');
END;
CREATE TRIGGER event_type_update BEFORE UPDATE ON event_type BEGIN
    SELECT RAISE(ABORT, 'an event type is never renamed');
END;
CREATE TRIGGER event_type_delete BEFORE DELETE ON event_type BEGIN
    SELECT RAISE(ABORT, 'an event type is never deleted');
END;
