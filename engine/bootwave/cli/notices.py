"""What is legal in the options and still not what somebody may expect."""

from collections.abc import Iterator

from bootwave.options import Options


def notices(options: Options) -> Iterator[str]:
    """Yield a sentence for each thing these options ask for and do not get."""
    https = options.https
    if not (options.http.listen or https.listen or https.legacy.listen):
        if not options.pnp.enabled:
            yield "neither PnP nor HTTP is on: no phone can be provisioned."
    if https.bootstrap and not (https.listen or https.legacy.listen):
        yield "https.bootstrap is on, but https.listen is empty: nobody is sent there."
    has_ipv4 = any(not text.startswith("[") for text in options.http.listen)
    told = options.pnp.url or options.http.url
    if options.pnp.enabled and not (told or has_ipv4):
        yield "phones are not answered by PnP: set pnp.url or an IPv4 http.listen."
    elif options.pnp.enabled and options.http.secrets == "never":
        if not told.startswith("https:"):
            yield (
                "http.secrets is never, but PnP sends phones to clear HTTP: set "
                "pnp.url to an https URL with {mac}."
            )
    if options.pnp.url and "{mac}" not in options.pnp.url.lower():
        yield "pnp.url holds no {mac}: phones are sent to the general document."
