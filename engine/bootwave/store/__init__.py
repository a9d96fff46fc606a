"""What is stored, and the only ways to it.

``create`` and ``migrations`` make and upgrade the database, whose tables ``schema``
has.  For phones a ``Reader`` gives the data plane complete ``Device`` records by MAC,
and a ``Writer`` commits what phones cause (a window consumed, a wildcard claimed) in
groups (``serving``).  For administrators ``Administration`` is every operation, one
transaction each: the classes of ``operations`` in one, which call the folders that know
the tables; ``listing`` gives the pages of lists.  Each write leaves rows in the log of
changes, which readers follow; what administrators did stands in the audit log.
Contacts of phones go to the ``SightingLog`` (``sightings``), a second file, so that
they slow no commit and wake no reader.  Secrets are sealed by a ``KeyRing`` before they
get here.

The modules beside the folders are the store itself: connections and transactions, how
long ones pause (``pace``, ``steps``), the logs of changes and of audit, names, errors
of rows, keys, the lock of the engine.  They import no folder, but for
``administration`` and ``rekey``, which join them; folders import downwards
(``tests/test_floors.py``).  A folder that is named as one of the package (``firmware``,
``settings``, ``redirection``) has the rows of what that decides without files.

SQLAlchemy and Alembic are imported by ``create`` and the migrations only: importing
them costs 240 and 370 milliseconds, and a command answers in under 300.  Everything
else speaks constant SQL text in the dialect that SQLite 3.35 and PostgreSQL share
(``INSERT … ON CONFLICT``, ``RETURNING``, named parameters) through sqlite3.  SQL is
never built from values; the one thing generated is the row of question marks of an
``IN`` list, from its length.
"""
