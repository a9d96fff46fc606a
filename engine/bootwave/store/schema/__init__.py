"""The tables, once for SQLite and PostgreSQL: a module for each topic.

``tables`` has all of them.  Imported by the migrations only (see ``store``).  A MAC is
the integer key of its device.

Instants are seconds of CLOCK_BOOTTIME within ``boot_id`` (directory.records), but for
those named ``_at``, which are wall-clock seconds since the epoch and are shown to
people.  ``windows.closed_at`` is older than that rule.
"""
