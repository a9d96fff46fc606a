"""Simulated phones and boot waves: a strict client that is also a peer for tests.

Nothing here shares code with the server's parsers: what both read, both read on their
own, so that an error in one shows in the other.  An ``Identity`` (MAC, model,
firmware) becomes a ``Phone``; the phone asks (``Subscription``), is told a ``Url``,
fetches (``ResponseReader``) and reads documents (``Paper``), and ends with a
``Verdict``.  A ``Fleet`` lets many phones share sockets; what became of them is a
``Report``.
"""
