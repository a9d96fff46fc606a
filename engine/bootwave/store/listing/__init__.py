"""Lists of what is stored, page by page, which stay quick at a million rows.

A page begins behind the last row of the one before, at a key that an index holds
(``orders``), so that the thousandth page costs what the first does; nothing is skipped
over, and nothing is counted.  ``resources`` is the table of what can be listed, sorted
and narrowed down, ``pages`` reads, ``cursors`` spells the place where a page ended, and
``contacts`` does the same for the file that phones' contacts are in.
"""
