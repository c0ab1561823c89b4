-- The first schema. Every key begins with the Mandant. Amounts are minor units, instants microseconds since 1970 (UTC),
-- ids 16 bytes. Wide rows have keys in the order of time; keys that are random live only in the narrow table `claim`.

CREATE TABLE schema_info (
    only_row           INTEGER PRIMARY KEY CHECK (only_row = 1),
    schema             INTEGER NOT NULL,
    oldest_served      INTEGER NOT NULL
) STRICT;
INSERT INTO schema_info (only_row, schema, oldest_served) VALUES (1, 1, 1);

-- The log: one row an event, never updated.
CREATE TABLE record (
    tenant   TEXT    NOT NULL,
    stream   BLOB    NOT NULL,
    version  INTEGER NOT NULL,
    command  BLOB    NOT NULL,
    at       INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    body     BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX record_key ON record (tenant, stream, version);

-- The order of the log: position, day and hash of every record, assigned by the sealer.
CREATE TABLE seal (
    tenant       TEXT    NOT NULL,
    position     INTEGER NOT NULL,
    stream       BLOB    NOT NULL,
    version      INTEGER NOT NULL,
    wanted_day   TEXT    NOT NULL,
    booking_day  TEXT    NOT NULL,
    hash         BLOB    NOT NULL,
    PRIMARY KEY (tenant, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX seal_record ON seal (tenant, stream, version);

-- Sums per account and day, kept by the sealer.
CREATE TABLE account_day (
    tenant    TEXT    NOT NULL,
    day       TEXT    NOT NULL,
    account   TEXT    NOT NULL,
    currency  TEXT    NOT NULL,
    debit     INTEGER NOT NULL,
    credit    INTEGER NOT NULL,
    PRIMARY KEY (tenant, day, account, currency)
) STRICT, WITHOUT ROWID;

-- Everything that may exist once: the holder is whom the key belongs to.
CREATE TABLE claim (
    tenant       TEXT    NOT NULL,
    space        INTEGER NOT NULL,
    key          BLOB    NOT NULL,
    holder       BLOB    NOT NULL,
    digest       BLOB,
    status       INTEGER,
    version      INTEGER,
    lease_until  INTEGER,
    PRIMARY KEY (tenant, space, key)
) STRICT, WITHOUT ROWID;

-- The payments, to be listed; what a payment is follows from its records.
CREATE TABLE payment (
    tenant         TEXT    NOT NULL,
    id             BLOB    NOT NULL,
    version        INTEGER NOT NULL,
    state          TEXT    NOT NULL,
    kassenzeichen  TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX payment_kassenzeichen ON payment (tenant, kassenzeichen);

-- What must be erasable, with the key of its HMAC in the log.
CREATE TABLE side (
    tenant     TEXT NOT NULL,
    id         BLOB NOT NULL,
    reference  TEXT,
    key        BLOB NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX side_reference ON side (tenant, reference) WHERE reference IS NOT NULL;

-- What must be looked at, and when. A job that is taken is due again when its lease ends; fence 0 is nobody's.
CREATE TABLE job (
    tenant   TEXT    NOT NULL,
    kind     INTEGER NOT NULL,
    subject  BLOB    NOT NULL,
    due_at   INTEGER NOT NULL,
    tries    INTEGER NOT NULL,
    fence    INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_due ON job (due_at);

-- The last fence that was given out. A fence is never given twice, not even when its job has ended and was set anew.
CREATE TABLE job_fence (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    last      INTEGER NOT NULL
) STRICT;
INSERT INTO job_fence (only_row, last) VALUES (1, 0);

-- Notifications of providers, verified and kept before anything acts on them.
CREATE TABLE inbox (
    tenant       TEXT    NOT NULL,
    id           BLOB    NOT NULL,
    received_at  INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    body         BLOB    NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- Clients of the API; a key is stored as its hash only.
CREATE TABLE client (
    tenant      TEXT    NOT NULL,
    id          BLOB    NOT NULL,
    name        TEXT    NOT NULL,
    key_hash    BLOB    NOT NULL,
    scopes      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX client_key ON client (key_hash);
