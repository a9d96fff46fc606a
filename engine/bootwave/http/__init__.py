"""HTTP/1.1 around h11 and the strict layer over it: no sockets, time is an argument.

A ``HttpConnection`` is one connection: bytes and time go in, a list of *effects* comes
out.  A complete head becomes a ``Request`` (h11 parses it, the strict layer judges it),
its URL names a ``Target``, and what the caller decides goes back as a ``Response``.
"""
