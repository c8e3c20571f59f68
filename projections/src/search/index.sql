-- The documents: stems of the personal texts of one event each. The index below has no texts of its own;
-- what it needs to take a document out again is read from here.
CREATE TABLE search_document (
    id          INTEGER PRIMARY KEY,
    event       TEXT    NOT NULL UNIQUE,
    client      TEXT    NOT NULL,
    occurred_at INTEGER NOT NULL,
    corrected   INTEGER NOT NULL,
    terms       TEXT    NOT NULL
) STRICT;
CREATE INDEX search_document_client ON search_document (client);

CREATE VIRTUAL TABLE search USING fts5 (
    client,
    terms,
    content = 'search_document',
    content_rowid = 'id',
    tokenize = 'unicode61 remove_diacritics 2'
);

-- A removed document is taken out of the index at once, not at the next merge of its segments.
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);

-- How far the log is taken in, and which log it is.
CREATE TABLE search_checkpoint (
    id       INTEGER PRIMARY KEY CHECK (id = 0),
    version  INTEGER NOT NULL,
    position INTEGER NOT NULL,
    leaf     BLOB    NOT NULL
) STRICT;
INSERT INTO search_checkpoint VALUES (0, 0, 0, zeroblob(32));
