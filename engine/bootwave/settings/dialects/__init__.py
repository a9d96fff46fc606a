"""How different phones are told one thing: a merged document as a plan, per dialect.

``xml`` is what desk phones read since firmware 7, ``text`` what they read before; the
DECT base ``m9`` and the bases M300, M700 and M900 (``dect``) read XML with names and
index spaces of their own.  Each module turns what the layers say, in the names of desk
phones, into what its phones understand: what they call otherwise is renamed, and what
they are known not to have is left out.  ``pieces`` collects the bytes.
"""
