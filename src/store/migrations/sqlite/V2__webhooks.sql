-- Webhook endpoints and what was sent to them. No signing secret is here: they are derived from a key in the settings.

UPDATE schema_info SET schema = 2, oldest_served = 2 WHERE only_row = 1;

-- Where events are sent: first what people set, then how far the sender is. `position` is the last one of the log that
-- was looked at; a replay goes over positions behind it once more.
CREATE TABLE webhook_endpoint (
    tenant           TEXT    NOT NULL,
    id               BLOB    NOT NULL,
    version          INTEGER NOT NULL,
    slot             INTEGER NOT NULL,
    url              TEXT    NOT NULL,
    description      TEXT,
    events           TEXT,
    disabled_reason  TEXT,
    secrets          TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    position         INTEGER NOT NULL,
    failures         INTEGER NOT NULL,
    failing_since    INTEGER,
    resume_at        INTEGER,
    replay_after     INTEGER,
    replay_until     INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- One row for each event that was sent to an endpoint, or is to be sent again. Events that wait for their first try have
-- none: the log is their queue. A test is no event of the log and has position 0.
CREATE TABLE webhook_delivery (
    tenant       TEXT    NOT NULL,
    endpoint     BLOB    NOT NULL,
    id           BLOB    NOT NULL,
    position     INTEGER NOT NULL,
    stream       BLOB    NOT NULL,
    event_type   TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    tries        INTEGER NOT NULL,
    status       INTEGER,
    error        TEXT,
    created_at   INTEGER NOT NULL,
    last_try_at  INTEGER,
    next_try_at  INTEGER,
    PRIMARY KEY (tenant, endpoint, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_delivery_state ON webhook_delivery (tenant, endpoint, state, id);
CREATE INDEX webhook_delivery_due ON webhook_delivery (tenant, endpoint, next_try_at) WHERE next_try_at IS NOT NULL;
