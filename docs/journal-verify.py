#!/usr/bin/env python3
"""Recomputes the hash chain of the log, as docs/journal.md specifies it.

    python3 journal-verify.py DATABASE [--expect TENANT:POSITION:HASH]...

Opens a SQLite database of Zahlstelle for reading only and prints one line for each Mandant: its name, its last position
and hash, and OK, or the first position that is wrong and why. `--expect` names a head that was exported earlier, e.g.
with a proof: the chain must still pass through it, which a chain alone cannot show when its end was cut off.

Needs nothing but Python 3.8 or newer. Exit code: 0 all is well, 1 something was found, 2 wrong usage or no such database.
"""

import argparse
import hashlib
import pathlib
import sqlite3
import sys

GENESIS = bytes(32)
FIRST_LINE = "zahlstelle-log-1"

SEALED = """
    SELECT seal.position, seal.stream, seal.version, seal.wanted_day, seal.booking_day, seal.hash, record.at, record.kind, record.body
    FROM seal LEFT JOIN record
        ON record.tenant = seal.tenant AND record.stream = seal.stream AND record.version = seal.version
    WHERE seal.tenant = ? ORDER BY seal.position
"""
UNSEALED = """
    SELECT count(*) FROM record LEFT JOIN seal
        ON seal.tenant = record.tenant AND seal.stream = record.stream AND seal.version = record.version
    WHERE record.tenant = ? AND seal.position IS NULL
"""


def link_hash(previous, tenant, position, stream, version, at, wanted_day, booking_day, kind, body):
    """The hash of a position."""
    lines = [FIRST_LINE, tenant, str(position), stream.hex(), str(version), str(at), wanted_day, booking_day, kind]
    header = "".join(line + "\n" for line in lines).encode("utf-8")
    return hashlib.sha256(previous + header + body).digest()


def check(connection, tenant, expected):
    """The last good position and its hash, and what is wrong behind it, or None."""
    position, head = 0, GENESIS
    versions = {}
    for row in connection.execute(SEALED, (tenant,)):
        found, stream, version, wanted_day, booking_day, sealed, at, kind, body = row
        if found != position + 1:
            return position, head, f"position {found} follows {position}"
        if body is None:
            return position, head, f"position {found}: its record is missing"
        if version != versions.get(stream, 0) + 1:
            return position, head, f"position {found}: version {version} of its stream follows {versions.get(stream, 0)}"
        made = link_hash(head, tenant, found, stream, version, at, wanted_day, booking_day, kind, body)
        if made != sealed:
            return position, head, f"position {found}: the hash does not fit"
        if expected.pop(found, made) != made:
            return position, head, f"position {found}: the hash is not the one that was exported"
        position, head = found, made
        versions[stream] = version
    if expected:
        return position, head, f"position {min(expected)} was exported and is missing"
    unsealed = connection.execute(UNSEALED, (tenant,)).fetchone()[0]
    if unsealed:
        return position, head, f"{unsealed} records have no position"
    return position, head, None


def parse_expected(texts):
    """Exported heads by Mandant and position."""
    expected = {}
    for text in texts:
        tenant, position, head = text.split(":")
        expected.setdefault(tenant, {})[int(position)] = bytes.fromhex(head)
    return expected


def main():
    parser = argparse.ArgumentParser(description="Recomputes the hash chain of the log of every Mandant.")
    parser.add_argument("database", type=pathlib.Path)
    parser.add_argument("--expect", action="append", default=[], metavar="TENANT:POSITION:HASH")
    arguments = parser.parse_args()
    try:
        expected = parse_expected(arguments.expect)
    except ValueError:
        parser.error("--expect must be TENANT:POSITION:HASH")
    try:
        connection = sqlite3.connect(f"{arguments.database.resolve().as_uri()}?mode=ro", uri=True)
        connection.execute("BEGIN")
        named = connection.execute("SELECT tenant FROM record UNION SELECT tenant FROM seal").fetchall()
        tenants = sorted({tenant for (tenant,) in named} | set(expected))
        all_is_well = True
        for tenant in tenants:
            position, head, wrong = check(connection, tenant, expected.get(tenant, {}))
            all_is_well = all_is_well and wrong is None
            print(f"{tenant} {position} {head.hex()} {'OK' if wrong is None else 'WRONG: ' + wrong}")
    except sqlite3.Error as error:
        print(f"{arguments.database}: {error}", file=sys.stderr)
        return 2
    return 0 if all_is_well else 1


if __name__ == "__main__":
    sys.exit(main())
