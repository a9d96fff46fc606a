"""What is stored, and the only ways to it.

``create`` and ``migrations`` make and upgrade the database.  A ``Reader`` gives the
data plane complete ``Device`` records by MAC; a ``Writer`` commits what phones cause
(a window consumed, a wildcard claimed) in groups; ``Administration`` is every
operation of an administrator, one transaction each.  Each write leaves rows in the
change log, and readers follow the log.  Contacts of phones go to the ``SightingLog``,
a second file, so that they slow no commit and wake no reader.  Secrets are sealed by
a ``KeyRing`` before they get here.

SQLAlchemy and Alembic are imported by ``create`` and the migrations only: importing
them costs 240 and 370 milliseconds, and a command answers in under 300.  Everything
else speaks constant SQL text in the dialect that SQLite 3.35 and PostgreSQL share
(``INSERT … ON CONFLICT``, ``RETURNING``, named parameters) through sqlite3.  SQL is
never built from values; the one thing generated is the row of question marks of an
``IN`` list, from its length.
"""
