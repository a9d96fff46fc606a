"""Phone books: what administrators bring in, and what they take out again.

``contacts`` says what an entry may be and in which order a book stands; ``table`` reads
and writes CSV, ``vcard`` the three versions of vCard.  How a book becomes a part of a
phone's document is the dialects' (``settings.dialects.tbook``).
"""
