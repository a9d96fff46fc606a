"""XML text: what is legal where it enters.

What administrators write comes in through ``legal`` and goes out through
``bootwave.native.xml``, which escapes it and refuses what should not have come in.
"""
