"""Redirection: a vendor's service is told which phones belong to this engine.

A phone from the factory asks its vendor where to go.  What the vendor answers is kept
there as a URL for each MAC, by calls of XML-RPC over HTTPS.

    bindings ──► target ──► order ──► call ──► answer ──► entry
    (store)     (ledger)   (plan)   (client) (xmlrpc)    (plan, store)

A *target* is the URL that a MAC shall have there; an *entry* is what is known of it; an
*order* is one thing to be done about it, by one or two calls.  A *survey* asks for
everything the service holds, and compares.  Nothing here is done while a phone waits.
"""
