"""``bootwave metrics``."""

import sys
from collections.abc import Iterator

from bootwave.cli import place
from bootwave.cli.output import Json, print_json
from bootwave.errors import EngineError


def metrics(json: Json = False) -> None:
    """Print the counters of all processes in the text format of Prometheus.

    As GET /metrics of the API, without a token. With --json they are an object, by name
    and labels.
    """
    client, socket = place.engine()
    if client is None:
        raise EngineError(
            f"No engine listens on {socket}: start it with bootwave serve."
        )
    try:
        with place.waiting("Waiting for the engine"):
            text = client.call("engine.metrics", {})["text"]
    finally:
        client.close()
    if json:
        print_json(dict(_samples(text)))
    else:
        sys.stdout.write(text)


def _samples(text: str) -> Iterator[tuple[str, float]]:
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            yield name, float(value)
