"""Requests for firmware images: which file is meant, and which part of it.

| the end of the path                        | which image                            |
| ------------------------------------------ | -------------------------------------- |
| ``<sha256>/<name>.bin``, ``.swu``, ``.fwu`` | the one with that SHA-256, of any name |
| ``<type>_v<version>_b<branch>.fwu``         | of that DECT base or handset           |

Both without a query, so that no name here means a phone's document (http.target).  The
name of the file is the SHA-256 as the store has it, never text of the URL.  Images are
for anybody who knows what to ask for: they are the vendor's, and hold nobody's secret.
"""

import re
from collections.abc import Callable
from typing import Final, Protocol

from bootwave.firmware.filenames import named_by
from bootwave.http.byterange import part_asked
from bootwave.http.conditional import is_current
from bootwave.http.contact import Contact
from bootwave.http.request import Request
from bootwave.http.response import FileContent, Response, overloaded, plain_response
from bootwave.limits import MAX_SIGHTING_DETAIL_CHARACTERS
from bootwave.metrics import Counter, CounterRow
from bootwave.pairing.instant import Instant
from bootwave.phone.useragent import phone_from_user_agent
from bootwave.provision.firmware import FirmwareAnswers
from bootwave.sightings import Reason, Sighting
from bootwave.store.firmware.imagefolder import ImageFolder
from bootwave.store.firmware.rows import Image

# So long do phones wait that find no place; with many, each takes minutes.
RETRY_AFTER_SECONDS: Final = 60

_BY_SHA256: Final = re.compile(
    r"(?:^|.*/)([0-9a-f]{64})/[A-Za-z0-9][A-Za-z0-9._-]*\.(?:bin|swu|fwu)",
    re.ASCII | re.DOTALL,
)
_BY_VERSION: Final = re.compile(
    r"(?:^|.*/)([A-Za-z]\d{2,3}[A-Za-z]{0,2}_v\d{3,4}_b\d{1,4}\.fwu)",
    re.ASCII | re.DOTALL,
)


class HasRoom(Protocol):
    """Who sends images (server.downloads)."""

    @property
    def has_room(self) -> bool:
        """Whether one more phone may fetch."""


class ImageRequests:
    """Answers requests for images in one process."""

    def __init__(
        self,
        answers: FirmwareAnswers,
        folder: ImageFolder,
        downloads: HasRoom,
        clock: Callable[[], Instant],
        sight: Callable[[Sighting], None],
        counters: CounterRow,
    ) -> None:
        """Give *sight* one sighting for each image that is begun."""
        self._answers = answers
        self._folder = folder
        self._downloads = downloads
        self._clock = clock
        self._sight = sight
        self._counters = counters

    def response(self, request: Request, contact: Contact) -> Response | None:
        """Return the answer to who asks for an image, None to others.

        Raises StoreError.
        """
        if request.query:
            return None
        image = self._image(request.path)
        if image is None:
            return None
        etag = b'"%b"' % image.sha256.encode()
        if not self._folder.has(image.sha256, image.size):
            return plain_response(404)
        if is_current(request.if_none_match, etag):
            return Response(304, b"", etag=etag, headers=_ALWAYS)
        part = None
        if request.method == b"GET":
            part = part_asked(request.range, request.if_range, etag, image.size)
            if part is not None and not part.size:
                where = b"bytes */%d" % image.size
                return plain_response(416, headers=((b"Content-Range", where),))
            if not self._downloads.has_room:
                self._counters.add(Counter.IMAGES_REFUSED)
                return overloaded(RETRY_AFTER_SECONDS)
        start, size = (0, image.size) if part is None else part
        if start == 0 and request.method == b"GET":
            self._begun(request, contact, image)
        headers: tuple[tuple[bytes, bytes], ...] = _ALWAYS
        if part is not None:
            where = b"bytes %d-%d/%d" % (start, start + size - 1, image.size)
            headers = (*headers, (b"Content-Range", where))
        return Response(
            200 if part is None else 206,
            content_type="application/octet-stream",
            etag=etag,
            headers=headers,
            file=FileContent(image.sha256, start, size),
        )

    def _image(self, path: str) -> Image | None:
        by_sha256 = _BY_SHA256.fullmatch(path)
        if by_sha256 is not None:
            return self._answers.image(by_sha256[1])
        by_version = _BY_VERSION.fullmatch(path)
        if by_version is None:
            return None
        model, version = named_by(by_version[1])
        return None if version is None else self._answers.image_of(model, version)

    def _begun(self, request: Request, contact: Contact, image: Image) -> None:
        agent = phone_from_user_agent(request.user_agent)
        detail = f"{agent.model} {agent.firmware}: {image.name}".lstrip(" :")
        self._sight(
            Sighting(
                self._clock().wall,
                agent.mac,
                contact.source,
                Reason.FIRMWARE_SENT,
                detail[:MAX_SIGHTING_DETAIL_CHARACTERS],
            )
        )


# What has this checksum never changes, and anybody may keep it.
_ALWAYS: Final = (
    (b"Accept-Ranges", b"bytes"),
    (b"Cache-Control", b"public, max-age=31536000, immutable"),
)
