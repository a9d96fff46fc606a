"""Which firmware phones run, and its images."""

from collections.abc import Collection, Iterable
from contextlib import suppress

from bootwave import log
from bootwave.errors import StoreError, StoreUnavailable
from bootwave.settings.credentials import refuse_mask, told_without_credentials
from bootwave.store.firmware import downgrades, firmware, images
from bootwave.store.operations.transactions import NotToBeStored, Object, Transactions
from bootwave.store.work import Work


class FirmwareOperations(Transactions):
    """Which firmware phones run, and its images."""

    def firmware_list(
        self, scope: str, target: str = "", *, reveal: bool = False
    ) -> Object:
        """Return what a scope says of firmware: definitions, pins, what is forbidden.

        *scope* is engine, domain, group (``name@domain``) or device, and *target* names
        which ("" for the engine).  The ``state`` of a definition says why it is not
        told, "" when it is.  Credentials in URLs are masked, as in whatever is told of
        firmware; with *reveal* they are not, and the audit log is told.
        """
        with self._showing(reveal=reveal) as work:
            found = firmware.listed(work, self._allowed(), scope, target)
            return _shown(work, scope, target, found, reveal=reveal)

    def firmware_set(
        self,
        scope: str,
        target: str,
        model: str,
        version: str,
        *,
        location: str = "",
        step: bool = False,
        part: str = "",
    ) -> Object:
        """Define a version for phones of *model* to run, or to load on their way.

        *location* is a URL or the name of an image, "" the image that was uploaded for
        it.  *part* is rootfs or linux for those of version 6.  ``warnings`` say which
        phones will go down to an older version.
        """
        refuse_mask(location)
        phones = self._phones_of(scope, target)
        with self._change() as work:
            definition = firmware.definition_of(
                work, model, version, location, part, step=step
            )
            before = downgrades.targets(work, scope, target)
            done = firmware.put(work, self._allowed(), scope, target, definition)
            change = downgrades.changed(work, scope, target, before)
        warnings = self._warnings(phones, change, {definition.model})
        return {**_masked(done), "warnings": warnings}

    def firmware_unset(
        self, scope: str, target: str, model: str, *, version: str = ""
    ) -> Object:
        """Define a version of a model, or all of them, no longer."""
        with self._change() as work:
            return _masked(firmware.take(work, scope, target, model, version))

    def firmware_pin(
        self, scope: str, target: str, version: str, *, model: str = ""
    ) -> Object:
        """Keep phones of a model at a version, or with "keep" at what they run.

        For a device *model* is the one that it is known to be.  ``warnings`` say which
        phones will go down to an older version.
        """
        phones = self._phones_of(scope, target)
        with self._change() as work:
            before = downgrades.targets(work, scope, target)
            done = firmware.pin(work, scope, target, model, version)
            change = downgrades.changed(work, scope, target, before)
        return {**done, "warnings": self._warnings(phones, change, {done["model"]})}

    def firmware_unpin(self, scope: str, target: str, *, model: str = "") -> Object:
        """End a pin."""
        with self._change() as work:
            return firmware.unpin(work, scope, target, model)

    def firmware_forbid(
        self, scope: str, target: str, model: str, version: str, *, reason: str = ""
    ) -> Object:
        """Let no phone of a model be told a version."""
        with self._change() as work:
            return firmware.forbid(work, scope, target, model, version, reason)

    def firmware_permit(
        self, scope: str, target: str, model: str, version: str
    ) -> Object:
        """Allow what was forbidden."""
        with self._change() as work:
            return firmware.permit(work, scope, target, model, version)

    def firmware_export(
        self, scope: str, target: str = "", *, reveal: bool = False
    ) -> Object:
        """Return the document of a scope, and its ``revision``.

        Credentials in URLs are masked; with *reveal* they are not, and the audit log is
        told.
        """
        with self._showing(reveal=reveal) as work:
            found = firmware.exported(work, scope, target)
            return _shown(work, scope, target, found, reveal=reveal)

    def firmware_import(
        self,
        scope: str,
        target: str,
        document: str,
        *,
        revision: str = "",
        dry_run: bool = False,
    ) -> Object:
        """Let a scope define what *document* says, and return what that changes.

        With *revision* the document must still be the one of that export, and with
        *dry_run* nothing is stored.  ``warnings`` say which phones will go down to an
        older version.  What an export shows for credentials is refused.
        """
        refuse_mask(document)
        phones = self._phones_of(scope, target)
        with suppress(NotToBeStored), self._change() as work:
            before = downgrades.targets(work, scope, target)
            done = firmware.imported(
                work, self._allowed(), scope, target, document, revision
            )
            change = downgrades.changed(work, scope, target, before)
            if dry_run:
                raise NotToBeStored
        models = {one["model"] for one in done["added"]}
        said = self._warnings(phones, change, models)
        return {**_masked(done), "warnings": said, "stored": not dry_run}

    def firmware_explain(
        self,
        scope: str,
        target: str,
        version: str,
        *,
        model: str = "",
        user_agent: str = "",
    ) -> Object:
        """Return what a phone that runs *version* would be told, and why."""
        with self._look() as work:
            return _masked(
                firmware.explained(
                    work, self._allowed(), scope, target, model, version, user_agent
                )
            )

    def firmware_images(self) -> list[Object]:
        """Return the images that were uploaded."""
        with self._look() as work:
            return images.listed(work, self._images)

    def firmware_upload(
        self, sha256: str, size: int, name: str, *, model: str = "", version: str = ""
    ) -> Object:
        """Add an image whose file is in the directory of images by its SHA-256.

        *model* and *version* are what *name* says, unless they are given.
        """
        # The whole file is read: no phone shall wait with its write for that.
        digest = self._images.digest(sha256)
        with self._change() as work:
            return images.add(
                work,
                self._images,
                self._firmware.store_bytes,
                digest=digest,
                sha256=sha256,
                size=size,
                name=name,
                model=model,
                version=version,
            )

    def firmware_remove(self, name: str) -> Object:
        """Remove an image, by its name or SHA-256, and its file; not while defined."""
        with self._change() as work:
            removed = images.remove(work, name)
        # Behind its commit: an image without a file is worse than a file without one.
        self.firmware_discard(removed["sha256"])
        return removed

    def firmware_discard(self, sha256: str) -> None:
        """Remove the file of an upload that failed, unless it is that of an image.

        Where that fails the log says so, and the file stays.
        """
        try:
            with self._change() as work:
                is_removed = images.discard(work, self._images, sha256)
            # Phones' writes wait for the transaction, and need not for the directory.
            if is_removed:
                self._images.sync()
        except (OSError, StoreError) as error:
            _note_left(sha256, error)

    def _phones_of(self, scope: str, target: str) -> list[downgrades.Phone]:
        """Read what phones run before the transaction that writes."""
        with self._look() as work:
            return downgrades.phones_of(work, self._sightings, scope, target)

    def _warnings(
        self,
        phones: Iterable[downgrades.Phone],
        change: downgrades.Change,
        models: Collection[str],
    ) -> list[str]:
        """Return which phones go down by a *change*, behind its transaction."""
        try:
            with self._look() as work:
                return downgrades.warnings(work, phones, change, models)
        except StoreUnavailable as error:  # the change is made
            return [f"Which phones go down to an older version is not known: {error}"]


def _note_left(sha256: str, error: Exception) -> None:
    log.note(log.STORE_IMAGE_LEFT, sha256=sha256, error=str(error))


def _shown(
    work: Work, scope: str, target: str, found: Object, *, reveal: bool
) -> Object:
    """Return what was *found* of a scope, masked unless it is to be revealed."""
    if not reveal:
        return _masked(found)
    firmware.note_revealed(work, scope, target)
    return found


def _masked(told: Object) -> Object:
    masked: Object = told_without_credentials(told)
    return masked
