"""Who may have which document: pure decisions over records, instants passed in.

A request names a MAC and comes from a *source*.  The MAC's ``Device``, the wildcard
accounts and the ``Instant`` go into ``rules.decide``; a *decision* comes out: ``Serve``
with its ``Grant``, ``Consume`` or ``Claim``, which ask for one conditional write and a
second look, or ``Refuse`` with its ``Reason``.  Nothing here reads a clock or a store.
"""
