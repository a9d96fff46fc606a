"""MAC in, document out: the cache, the batch of misses, the decision, the answer.

A request becomes a ``Target``; what is ready for it in the ``DocumentCache`` leaves at
once, under the grant it was made with.  A miss becomes a *look* at the store, shared
with the other misses of its tick; pairing decides on it; a decision may ask for a
*write*, after which it is looked again.  The ``RevocationPage`` tells every worker that
something it holds is over, without asking it.
"""
