"""The administrators' API: HTTP and JSON for PBXs, scripts and browsers.

    connection ──► request ──► admission ──► endpoint ──► desk ──► operation
    (deadlines,     (bounded)   (who asks,    (a few       (reader   (store, the same
     TLS)                        verdict)      lines)       or writer) as commands call)

FastAPI and uvicorn (h11) in the control process; it never touches a phone's request.
Only ``listening`` is imported by others, and nothing here by whoever serves phones:
the libraries are the extra ``bootwave[control]``.

How a resource is added:

1. A module below ``resources`` has ``routes = Routes("domains")``, and an endpoint for
   each method and path.  It is a coroutine of a few lines that calls one operation.
2. Each endpoint *declares* what it needs and which domain it touches::

       @routes.get("/api/v1/domains/{domain}", Domain)
       @needs(Need.READ, DomainIn())
       async def show(domain: str, asker: Asker, desk: TheDesk) -> Response:
           return shown(await desk.read(asker, "domain.show", name=domain))

   Without a declaration the route is not made.  The domain stands in the path wherever
   that is possible (``DomainIn``); ``Found`` looks it up for what is named by a MAC.
   A list over all domains (``Reached``) must filter by ``asker.domains``.  What in a
   body could name another domain is not taken: numbers, not ``number@domain``.
3. It reads by ``desk.read`` (an operation) or ``desk.look`` (a function on a read-only
   store), and writes by ``desk.write``, with ``check=matches(if_match, current)`` where
   something that exists is changed, and ``answer`` for what is told of the result.  A
   POST is good for Idempotency-Key without doing anything.  Errors of the store need no
   handling: ``problems`` tells them.
4. Bodies are pydantic models derived from ``Body``: unknown members are refused.  Lists
   of the store take ``TheRows`` and answer ``rows.answer(…)``; a cursor is bound to its
   list with all its filters.
5. The module is named in ``application.RESOURCES`` and its paths in docs/api.md, and
   ``tools/gen_examples.py`` does once what it can, for the examples of /openapi.json.
   ``tests/control/api/test_admission.py`` walks every route by itself; a path parameter
   that it does not know needs an example there.  What an operation or a command does
   there is a route for, and the other way round: ``tests/test_api_complete.py`` lists
   what is not, and why.
"""
