"""Client certificates: which of them prove a phone's MAC, and which prove nothing.

A *leaf* is the certificate of a phone, a *root* is trusted because the operator says
so, and a *path* leads from the leaf over *issuing CAs* to a root.  ``TrustPolicy``
(``policy``) judges what a phone presented and returns a ``Verdict``; ``Verdicts``
remembers those of phones that resume their sessions.  ``server`` and ``making`` are
about the certificates that this server shows itself.

Everything is bytes and time in, verdicts out; only ``files`` reads files.  The
modules that need the cryptography library take long to import: import them where they
are used.
"""
