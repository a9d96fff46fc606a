"""The attributes of a function key as one text, "" for none."""

import json
from functools import lru_cache

Attributes = tuple[tuple[str, str], ...]


def text_from_attributes(attributes: Attributes) -> str:
    """Return sorted *attributes* as the store keeps them."""
    return json.dumps(dict(attributes), ensure_ascii=False) if attributes else ""


# The keys of a fleet have few sets of them.
@lru_cache(maxsize=1024)
def attributes_from_text(text: str) -> Attributes:
    """Return the attributes that ``text_from_attributes`` wrote, sorted by name."""
    return tuple(sorted(json.loads(text).items())) if text else ()
