"""Many accounts at once: rows that somebody brings in, and rows that leave.

Rows are checked as they come and ``staged``, apart from the database; then they are
written some hundred at a time (``imports``, ``newaccounts``, ``freshaccounts``), or
compared with all that a domain has (``wholedomain``).  ``exports`` gives the rows that
an import takes.
"""
