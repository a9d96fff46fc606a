"""Every operation of an administrator, one transaction each.

Arguments and results are what JSON has: the command line, the control socket and, one
day, the API call the same methods.  An operation raises OperatorError subclasses with
one sentence that says what to do, or StoreUnavailable, and then has changed nothing.
The audit log is told in the same transaction what was done, and by whom.  After the
commit, ``committed`` is told what changed, so that grants and caches that rest on it
end before the operation returns.  Passwords go in and never come out.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bootwave.errors import (
    OptionError,
    SettingError,
    StoreNotFound,
    StoreUnavailable,
)
from bootwave.options import FirmwareOptions, PairingOptions, WavesOptions
from bootwave.pairing.instant import Instant
from bootwave.phone.mac import required_mac, text_from_mac
from bootwave.rollout import plan as plans
from bootwave.rollout.notifier import Answered, Credentials
from bootwave.store import (
    accounts,
    audit,
    bindings,
    books,
    certificateblocks,
    credentials,
    devicereport,
    devices,
    dialplans,
    domains,
    firmware,
    firmwaredown,
    firmwareimages,
    firmwareranges,
    groups,
    imports,
    languages,
    layers,
    openings,
    procedures,
    profiles,
    rollouts,
    tokens,
    trustedcertificates,
    windows,
)
from bootwave.store.changelog import Change, record, trim
from bootwave.store.connection import roll_back, transaction
from bootwave.store.imagefolder import ImageFolder
from bootwave.store.imports import MAX_ERRORS, Progress, RowError
from bootwave.store.rolloutsteps import Errand, RolloutSteps, credentials_for
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings import SightingLog
from bootwave.store.work import Work

Object = dict[str, Any]


PROGRESS_EVERY = 500  # rows
MAX_AUDIT_ROWS = 10_000  # in one answer


class _NotToBeStored(Exception):
    """Ends a transaction that was only tried; not an error."""


class Administration:
    """The operations.  One thread at a time may use it.

    ``actor`` is who the next ones are for: a user's name.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        keyring: KeyRing,
        pairing: PairingOptions,
        *,
        now: Callable[[], Instant],
        committed: Callable[[list[Change]], None],
        sightings: SightingLog | None = None,
        reopen: Callable[[], sqlite3.Connection] | None = None,
        firmware: FirmwareOptions | None = None,
        images: Path | None = None,
        waves: WavesOptions | None = None,
    ) -> None:
        """Work on *connection*, which nobody else may use meanwhile.

        *now* gives the instant of each operation; *committed* is called after each
        commit with what it changed.  Without *sightings* no device was ever seen.
        After a failed write the connection is closed, for what it remembers of the
        file may be wrong; *reopen* makes the next one.  Without it every further
        operation raises StoreUnavailable.  *firmware* bounds what may be said of it,
        and *images* is the directory of its images.  *waves* says where phones are
        reached.
        """
        self._connection = connection
        self._reopen = reopen
        self._failed = False
        self._keyring = keyring
        self._pairing = pairing
        self._now = now
        self._committed = committed
        self._sightings = sightings
        self._firmware = firmware or FirmwareOptions()
        self._images = ImageFolder(images or Path("images"))
        self._steps = RolloutSteps((waves or WavesOptions()).phone_port)
        self.actor = audit.ENGINE

    def close(self) -> None:
        """Close the connection; nothing else may be called afterwards."""
        self._connection.close()

    def domain_add(
        self,
        name: str,
        *,
        registrar: str = "",
        outbound_proxy: str = "",
        language: str = "",
        timezone: str = "",
        tone_scheme: str = "",
        wildcard_subnet: str = "",
    ) -> Object:
        """Add a domain; raises StoreConflict when it exists."""
        fields = {
            "registrar": registrar,
            "outbound_proxy": outbound_proxy,
            "language": language,
            "timezone": timezone,
            "tone_scheme": tone_scheme,
            "wildcard_subnet": wildcard_subnet,
        }
        with self._change() as work:
            return domains.add(work, name, fields)

    def domain_set(
        self,
        name: str,
        *,
        registrar: str | None = None,
        outbound_proxy: str | None = None,
        language: str | None = None,
        timezone: str | None = None,
        tone_scheme: str | None = None,
        wildcard_subnet: str | None = None,
    ) -> Object:
        """Change what is given of a domain; None leaves a value, "" takes it away."""
        fields = {
            "registrar": registrar,
            "outbound_proxy": outbound_proxy,
            "language": language,
            "timezone": timezone,
            "tone_scheme": tone_scheme,
            "wildcard_subnet": wildcard_subnet,
        }
        given = {field: value for field, value in fields.items() if value is not None}
        with self._change() as work:
            return domains.change(work, name, given)

    def domain_list(self) -> list[Object]:
        """Return all domains with the numbers of their accounts and devices."""
        with self._look() as work:
            return domains.listed(work)

    def domain_remove(self, name: str, *, force: bool = False) -> Object:
        """Remove a domain; one that has accounts or other parts only with *force*."""
        with self._change() as work:
            return domains.remove(work, name, force=force)

    def account_add(
        self,
        account: str,
        *,
        password: str,
        name: str = "",
        mac: str = "",
        mailbox: str = "",
        auth_user: str = "",
    ) -> Object:
        """Add the account ``number@domain``; *mac* binds it, as account_bind does."""
        with self._change() as work:
            return accounts.add(
                work,
                account,
                name=name,
                password=password,
                mac=mac,
                mailbox=mailbox,
                auth_user=auth_user,
            )

    def account_import(
        self,
        rows: Iterable[Mapping[str, str]],
        *,
        domain: str | None = None,
        update: bool = False,
        partial: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Object:
        """Add many accounts in one transaction, with an error for each wrong row.

        A row has the columns of ``imports.COLUMNS``; *domain* stands for rows without
        one.  With any error nothing is stored, unless *partial*: then the right rows
        are.  *update* lets rows replace accounts that exist, *dry_run* stores nothing.
        *progress* is called with rows done and rows in all, at first with 0 done while
        rows are checked, and at last before the commit; what it raises comes through,
        and nothing is stored.  ``stored`` tells whether the counts are of what is
        stored; ``errors`` holds the first thousand of ``error_count``.
        """
        return self._import(
            rows,
            domain=domain,
            update=update,
            partial=partial,
            dry_run=dry_run,
            progress=progress,
        )

    def account_set(
        self,
        account: str,
        *,
        name: str | None = None,
        password: str | None = None,
        mailbox: str | None = None,
        auth_user: str | None = None,
    ) -> Object:
        """Change what is given of an account; None leaves a value as it is."""
        with self._change() as work:
            return accounts.change(
                work,
                account,
                name=name,
                password=password,
                mailbox=mailbox,
                auth_user=auth_user,
            )

    def account_list(self, *, domain: str | None = None) -> list[Object]:
        """Return the accounts, of *domain* or all, with what they are bound to."""
        with self._look() as work:
            return accounts.listed(work, domain)

    def account_show(self, account: str) -> Object:
        """Return an account with its bindings and window, without its password."""
        with self._look() as work:
            return accounts.shown(work, work.account(account))

    def account_remove(self, account: str) -> Object:
        """Remove an account with its bindings, window and settings."""
        with self._change() as work:
            return accounts.remove(work, account)

    def account_bind(self, account: str, mac: str, *, add: bool = False) -> Object:
        """Bind an account to a MAC, ``*`` or ``?``, instead of what it was bound to.

        With *add* it keeps what it was bound to.  Raises StoreConflict when the MAC
        is in another domain.
        """
        with self._change() as work:
            return bindings.bind(work, work.account(account), mac, add=add)

    def account_unbind(self, account: str, mac: str | None = None) -> Object:
        """Take a MAC, ``*`` or ``?`` from an account; None takes all of them."""
        with self._change() as work:
            return bindings.unbind(work, work.account(account), mac)

    def window_open(
        self,
        accounts: Sequence[str],
        *,
        minutes: float | None = None,
        domain: str | None = None,
        macs: Sequence[str] = (),
        numbers: Sequence[str] = (),
        most: int | None = None,
        ouis: Sequence[str] = (),
        subnet: str = "",
        models: Sequence[str] = (),
    ) -> Object:
        """Open *accounts* for *minutes*, all or none; without names all of *domain*.

        *domain* also completes names without one.  Those that *macs* are bound to and
        those of the domain within *numbers* (``400-449``) are opened, too.  A window
        that is open already is replaced, and what was granted by it ends.  *most*,
        *ouis*, *subnet* and *models* bound which unknown phones may claim those that
        are wildcards.
        """
        bounds = openings.checked_opening(most, ouis, subnet, models)
        with self._change() as work:
            chosen = windows.chosen(work, accounts, domain, macs, numbers)
            if not chosen and domain is not None:
                raise StoreNotFound(
                    f"The domain {domain} has no accounts: add one with bootwave "
                    "account add, or import them."
                )
            whole = domain if not (accounts or macs or numbers) else None
            return windows.open_for(work, chosen, minutes, bounds, whole)

    def window_close(
        self,
        accounts: Sequence[str],
        *,
        domain: str | None = None,
        macs: Sequence[str] = (),
        numbers: Sequence[str] = (),
    ) -> Object:
        """Close *accounts*, and what was granted by their windows; chosen as above."""
        with self._change() as work:
            chosen = windows.chosen(work, accounts, domain, macs, numbers)
            whole = domain if not (accounts or macs or numbers) else None
            return windows.close_for(work, chosen, whole)

    def window_list(
        self, *, domain: str | None = None, everything: bool = False
    ) -> list[Object]:
        """Return the windows that let a phone fetch now; *everything*: all of them."""
        with self._look() as work:
            return windows.listed(work, domain, everything=everything)

    def audit_list(
        self,
        *,
        since: float = 0.0,
        actor: str = "",
        subject: str = "",
        limit: int = 100,
    ) -> list[Object]:
        """Return the newest *limit* rows of the audit log, newest first.

        *since* is wall-clock seconds; *actor* is who, *subject* a part of what.
        """
        if not 0 < limit <= MAX_AUDIT_ROWS:
            raise OptionError(f"Ask for 1 to {MAX_AUDIT_ROWS} rows of the audit log.")
        with self._look() as work:
            return audit.listed(
                work.connection, since=since, actor=actor, subject=subject, most=limit
            )

    def audit_trim(self, keep_seconds: float) -> int:
        """Take rows that are older away; return how many, ten thousand at most.

        Not for administrators: the engine does it by ``audit.keep_days``.
        """
        with self._change() as work:
            return audit.trim(work.connection, work.at.wall, keep_seconds)

    def device_list(
        self, *, domain: str | None = None, unknown: int = 1_000
    ) -> list[Object]:
        """Return every device with its last sighting, then *unknown* unbound MACs."""
        with self._look() as work:
            return devicereport.listed(work, self._sightings, domain, unknown=unknown)

    def device_unknown(self) -> Object:
        """Return how many MACs asked and are bound nowhere, up to 100,000."""
        with self._look() as work:
            return {"count": devicereport.unknown_count(work, self._sightings)}

    def device_show(self, mac: str) -> Object:
        """Return what is stored and was seen of a MAC, and a verdict over it."""
        with self._look() as work:
            return devicereport.shown(work, self._sightings, mac)

    def document_revealed(self, mac: str) -> Object:
        """Write down that whoever asks was shown the passwords of a phone."""
        with self._change() as work:
            name = text_from_mac(required_mac(mac))
            work.note("document.revealed", name)
            return {"mac": name}

    def device_check(self, mac: str) -> Object:
        """Return what is to be done to provision a phone, and how far each step is."""
        with self._look() as work:
            return procedures.checked(work, self._sightings, mac)

    def device_reset(self, mac: str) -> Object:
        """Let a phone be told its passwords again, as if it had never had them.

        It needs a grant for them as ever: a window, certificate or credentials.
        """
        with self._change() as work:
            return devices.reset(work, mac)

    def token_make(self, domain: str, *, required: bool | None = None) -> Object:
        """Give a domain a new token for URLs of first contacts, and return it.

        The one before stays good until the new one was used.  *required* refuses the
        domain's phones that ask without a right token; None leaves that as it is.
        """
        with self._change() as work:
            return tokens.make(work, domain, required=required)

    def token_require(self, domain: str, *, required: bool) -> Object:
        """Say whether a domain's phones are refused without a right token."""
        with self._change() as work:
            return tokens.require(work, domain, required=required)

    def token_show(self, domain: str) -> Object:
        """Return the token of a domain; the audit log is told who asked."""
        with self._change() as work:
            return tokens.show(work, domain)

    def token_remove(self, domain: str) -> Object:
        """Take the token of a domain away, and those of its devices."""
        with self._change() as work:
            return tokens.remove(work, domain)

    def token_rotate(self, mac: str) -> Object:
        """Give a device a new token; the one before is good until it was used."""
        with self._change() as work:
            return tokens.rotate(work, mac)

    def device_credentials_rotate(self, mac: str) -> Object:
        """Give a device new credentials, which it gets with its next document.

        Those it has stay good until it used the new ones.
        """
        with self._change() as work:
            return credentials.rotate(work, mac)

    def device_credentials_revoke(self, mac: str) -> Object:
        """End the credentials of a device, new and old, at once."""
        with self._change() as work:
            return credentials.revoke(work, mac)

    def profile_add(self, domain: str, name: str) -> Object:
        """Add a button profile to a domain; raises StoreConflict when it exists."""
        with self._change() as work:
            return profiles.add(work, domain, name)

    def profile_list(self, domain: str) -> list[Object]:
        """Return the profiles of a domain: who has them, and how much they say."""
        with self._look() as work:
            return profiles.listed(work, domain)

    def profile_show(self, domain: str, name: str) -> Object:
        """Return what a profile says, and the numbers of the accounts that have it."""
        with self._look() as work:
            target = f"{name}@{domain}"
            return {
                **profiles.shown(work, domain, name),
                "keys": layers.keys(work, "profile", target),
                "settings": layers.settings(work, "profile", target),
            }

    def profile_remove(self, domain: str, name: str, *, force: bool = False) -> Object:
        """Remove a profile; one that accounts have only with *force*."""
        with self._change() as work:
            return profiles.remove(work, domain, name, force=force)

    def profile_assign(
        self,
        domain: str,
        name: str,
        accounts: Sequence[str] = (),
        *,
        numbers: Sequence[str] = (),
        everyone: bool = False,
    ) -> Object:
        """Give accounts of a domain a profile; with the *name* "" they have none then.

        They are *accounts*, those within *numbers* (``400-449``), or *everyone*.
        """
        if everyone == bool(accounts or numbers):
            raise OptionError(
                "Say which accounts: by their names, by a range of numbers, or all of "
                "the domain."
            )
        with self._change() as work:
            chosen = windows.chosen(work, accounts, domain, (), numbers)
            return profiles.assign(work, domain, name, chosen)

    def group_add(self, domain: str, name: str) -> Object:
        """Add a group of devices to a domain; raises StoreConflict when it exists."""
        with self._change() as work:
            return groups.add(work, domain, name)

    def group_list(self, domain: str) -> list[Object]:
        """Return the groups of a domain with the numbers of their devices."""
        with self._look() as work:
            return groups.listed(work, domain)

    def group_show(self, domain: str, name: str) -> Object:
        """Return a group with its devices."""
        with self._look() as work:
            return groups.shown(work, domain, name)

    def group_remove(self, domain: str, name: str) -> Object:
        """Remove a group; its devices are in none then."""
        with self._change() as work:
            return groups.remove(work, domain, name)

    def group_assign(self, domain: str, name: str, macs: Sequence[str]) -> Object:
        """Put devices of a domain into a group; with the *name* "" they are in none."""
        with self._change() as work:
            return groups.assign(work, domain, name, macs)

    def settings_set(
        self,
        scope: str,
        target: str,
        name: str,
        value: str,
        *,
        index: int | None = None,
        permission: str = "R",
    ) -> Object:
        """Say a setting in a layer; the result's ``warning`` may hold a sentence.

        *scope* is engine, model, firmware, domain, profile, account or device, and
        *target* names which ("" for the engine, ``snom370 8.4-8.7`` for firmware,
        ``NAME@DOMAIN`` for a profile).
        """
        with self._change() as work:
            return layers.set_setting(
                work, scope, target, name, value, index, permission
            )

    def settings_unset(
        self, scope: str, target: str, name: str, *, index: int | None = None
    ) -> Object:
        """Say a setting no longer in a layer."""
        with self._change() as work:
            return layers.unset_setting(work, scope, target, name, index)

    def settings_list(self, scope: str, target: str = "") -> list[Object]:
        """Return the settings of a layer."""
        with self._look() as work:
            return layers.settings(work, scope, target)

    def settings_ranges(self) -> list[Object]:
        """Return the firmware ranges that say something; the last that fits wins."""
        with self._look() as work:
            return firmwareranges.listed(work)

    def keys_set(
        self,
        scope: str,
        target: str,
        index: int,
        value: str,
        *,
        label: str = "",
        context: str = "active",
        permission: str = "R",
        attributes: Mapping[str, str] | None = None,
    ) -> Object:
        """Say what function key *index*, from 0, is in a layer."""
        with self._change() as work:
            return layers.set_key(
                work,
                scope,
                target,
                index,
                value,
                label,
                context,
                permission,
                attributes or {},
            )

    def keys_clear(
        self, scope: str, target: str, *, index: int | None = None
    ) -> Object:
        """Say nothing about one function key of a layer, or about any of them."""
        with self._change() as work:
            return layers.clear_keys(work, scope, target, index)

    def keys_list(self, scope: str, target: str = "") -> list[Object]:
        """Return the function keys of a layer."""
        with self._look() as work:
            return layers.keys(work, scope, target)

    def phonebook_import(
        self,
        scope: str,
        target: str,
        rows: Iterable[Mapping[str, str]],
        *,
        replace: bool = False,
        partial: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Add entries to the phone book of a domain or an account, as *scope* says.

        Each of *rows* has ``name`` and ``number``, perhaps ``type`` and ``category``.
        Nothing is stored when one is wrong, unless *partial*; with *replace* the book
        holds nothing else afterwards.
        """
        prepared = books.prepared(rows)
        with self._change() as work:
            return books.bring_in(
                work,
                scope,
                target,
                prepared,
                replace=replace,
                partial=partial,
                dry_run=dry_run,
            )

    def phonebook_list(self, scope: str, target: str) -> Object:
        """Return the phone book of a domain or an account."""
        with self._look() as work:
            return books.listed(work, scope, target)

    def phonebook_clear(
        self, scope: str, target: str, *, forget: bool = False
    ) -> Object:
        """Empty a phone book, and those of phones with it; *forget* leaves theirs."""
        with self._change() as work:
            return books.clear(work, scope, target, forget=forget)

    def dialplan_set(
        self,
        domain: str,
        match: str,
        *,
        timeout: int = 0,
        user: str = "",
        rewrite: str = "",
    ) -> Object:
        """Say what the phones of a domain do with numbers that *match* a pattern."""
        with self._change() as work:
            return dialplans.set_rule(work, domain, match, timeout, user, rewrite)

    def dialplan_unset(self, domain: str, match: str) -> Object:
        """Say nothing of a pattern any more."""
        with self._change() as work:
            return dialplans.unset_rule(work, domain, match)

    def dialplan_list(self, domain: str, *, dialled: str = "") -> Object:
        """Return the dial plan of a domain, and the rule taken for *dialled*."""
        with self._look() as work:
            return dialplans.listed(work, domain, dialled)

    def dialplan_clear(self, domain: str, *, forget: bool = False) -> Object:
        """Empty a dial plan, and those of phones with it; *forget* leaves theirs."""
        with self._change() as work:
            return dialplans.clear(work, domain, forget=forget)

    def language_set(
        self, domain: str, kind: str, name: str, url: str, *, model: str = ""
    ) -> Object:
        """Say where phones find a language, for their display or their web page."""
        with self._change() as work:
            return languages.set_file(work, domain, kind, name, url, model)

    def language_unset(
        self, domain: str, kind: str, name: str, *, model: str = ""
    ) -> Object:
        """Say it no longer."""
        with self._change() as work:
            return languages.unset_file(work, domain, kind, name, model)

    def language_list(self, domain: str) -> list[Object]:
        """Return the language files of a domain."""
        with self._look() as work:
            return languages.listed(work, domain)

    def trust_add(self, domain: str, certificates: Sequence[str]) -> Object:
        """Let the phones of a domain trust CAs: their certificates, DER in base64."""
        with self._change() as work:
            return trustedcertificates.add(work, domain, list(certificates))

    def trust_remove(self, domain: str, digest: str) -> Object:
        """Let them be told a CA no longer, by the first digits of its SHA-256."""
        with self._change() as work:
            return trustedcertificates.remove(work, domain, digest)

    def trust_list(self, domain: str) -> list[Object]:
        """Return the CAs that the phones of a domain are told."""
        with self._look() as work:
            return trustedcertificates.listed(work, domain)

    def certificate_block(
        self, *, serial: str = "", key: str = "", reason: str = ""
    ) -> Object:
        """Block certificates by *serial*, in hex, or by the SHA-256 of their *key*.

        Whoever shows one is denied everything, and so is whoever shows one issued by a
        CA that is blocked.  It holds for every worker when this returns.
        """
        with self._change() as work:
            return certificateblocks.block(work, serial, key, reason)

    def certificate_unblock(self, *, serial: str = "", key: str = "") -> Object:
        """End a block; raises StoreNotFound when there is none."""
        with self._change() as work:
            return certificateblocks.unblock(work, serial, key)

    def certificate_list(self) -> list[Object]:
        """Return the blocks of certificates, the oldest first."""
        with self._look() as work:
            return certificateblocks.listed(work)

    def firmware_list(self, scope: str, target: str = "") -> Object:
        """Return what a scope says of firmware: definitions, pins, what is forbidden.

        *scope* is engine, domain, group (``name@domain``) or device, and *target* names
        which ("" for the engine).  The ``state`` of a definition says why it is not
        told, "" when it is.
        """
        with self._look() as work:
            return firmware.listed(work, self._allowed(), scope, target)

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

        *location* is an URL or the name of an image, "" the image that was uploaded for
        it.  *part* is rootfs or linux for those of version 6.  ``warnings`` say which
        phones will go down to an older version.
        """
        phones = self._phones_of(scope, target)
        with self._change() as work:
            definition = firmware.definition_of(
                work, model, version, location, part, step=step
            )
            before = firmwaredown.targets(work, scope, target)
            done = firmware.put(work, self._allowed(), scope, target, definition)
            models = {definition.model}
            return {
                **done,
                "warnings": firmwaredown.warnings(
                    work, phones, before, scope, target, models
                ),
            }

    def firmware_unset(
        self, scope: str, target: str, model: str, *, version: str = ""
    ) -> Object:
        """Define a version of a model, or all of them, no longer."""
        with self._change() as work:
            return firmware.take(work, scope, target, model, version)

    def firmware_pin(
        self, scope: str, target: str, version: str, *, model: str = ""
    ) -> Object:
        """Keep phones of a model at a version, or with "keep" at what they run.

        For a device *model* is the one that it is known to be.  ``warnings`` say which
        phones will go down to an older version.
        """
        phones = self._phones_of(scope, target)
        with self._change() as work:
            before = firmwaredown.targets(work, scope, target)
            done = firmware.pin(work, scope, target, model, version)
            models = {done["model"]}
            return {
                **done,
                "warnings": firmwaredown.warnings(
                    work, phones, before, scope, target, models
                ),
            }

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

    def firmware_export(self, scope: str, target: str = "") -> Object:
        """Return the document of a scope, and its ``revision``."""
        with self._look() as work:
            return firmware.exported(work, scope, target)

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
        older version.
        """
        done: Object = {}
        phones = self._phones_of(scope, target)
        try:
            with self._change() as work:
                before = firmwaredown.targets(work, scope, target)
                done = firmware.imported(
                    work, self._allowed(), scope, target, document, revision
                )
                models = {one["model"] for one in done["added"]}
                done["warnings"] = firmwaredown.warnings(
                    work, phones, before, scope, target, models
                )
                if dry_run:
                    raise _NotToBeStored
        except _NotToBeStored:
            pass
        return {**done, "stored": not dry_run}

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
            return firmware.explained(
                work, self._allowed(), scope, target, model, version, user_agent
            )

    def firmware_images(self) -> list[Object]:
        """Return the images that were uploaded."""
        with self._look() as work:
            return firmwareimages.listed(work, self._images)

    def firmware_upload(
        self, sha256: str, size: int, name: str, *, model: str = "", version: str = ""
    ) -> Object:
        """Add an image whose file is in the directory of images by its SHA-256.

        *model* and *version* are what *name* says, unless they are given.
        """
        # The whole file is read: no phone shall wait with its write for that.
        digest = self._images.digest(sha256)
        with self._change() as work:
            return firmwareimages.add(
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
            removed = firmwareimages.remove(work, name)
        self._images.remove(removed["sha256"])
        return removed

    def _phones_of(self, scope: str, target: str) -> list[firmwaredown.Phone]:
        """Read what phones run before the transaction that writes."""
        with self._look() as work:
            return firmwaredown.phones_of(work, self._sightings, scope, target)

    def _allowed(self) -> firmware.Allowed:
        return firmware.Allowed(self._firmware.hosts, self._images)

    def rollout_start(
        self,
        scope: str,
        target: str = "",
        *,
        action: str = "resync",
        model: str = "",
        rate: float | None = None,
        canary: int | None = None,
        stages: str | None = None,
        hours: str = "",
        wait_minutes: float = plans.DEFAULT_WAIT_MINUTES,
        share_percent: float = plans.DEFAULT_SHARE,
        at_once: bool = False,
    ) -> Object:
        """Tell phones to fetch their settings again, or to reboot, stage by stage.

        *scope* is engine, domain, group (``name@domain``), account or device, *target*
        names which, and *model* is which of them.  *rate* phones are told in a second,
        10 unless said, *canary* of them first, 1 % unless said; *stages* are how many
        were told when each ends, ``10%,50%`` unless said.  *hours* are those of the day
        within which phones are told.  It halts when fewer than *share_percent* of a
        stage come back within *wait_minutes*.  *at_once* tells all, without those three
        and as fast as that goes.  An engine must run to carry it out.
        """
        asked = {
            "rate": rate,
            "canary": canary,
            "stages": stages,
            "hours": hours,
            "wait_minutes": wait_minutes,
            "share_percent": share_percent,
            "at_once": at_once,
        }
        with self._change() as work:
            return rollouts.start(
                work,
                self._sightings,
                scope,
                target,
                action=action,
                model=model,
                asked=asked,
            )

    def rollout_list(self) -> list[Object]:
        """Return the roll-outs, newest first."""
        with self._look() as work:
            return rollouts.listed(work)

    def rollout_show(self, rollout: int) -> Object:
        """Return a roll-out with its stages, and the phones that are in trouble."""
        with self._look() as work:
            return rollouts.shown(work, rollout)

    def rollout_pause(self, rollout: int) -> Object:
        """Tell no more phones for now."""
        with self._change() as work:
            return rollouts.pause(work, rollout)

    def rollout_resume(self, rollout: int, *, skip: bool = False) -> Object:
        """Go on with a roll-out that is paused or halted.

        Phones that are missing in its stage are told again, or left out with *skip*.
        """
        with self._change() as work:
            return rollouts.resume(work, rollout, skip=skip)

    def rollout_cancel(self, rollout: int) -> Object:
        """End a roll-out for good; what phones were told already stands."""
        with self._change() as work:
            return rollouts.cancel(work, rollout)

    def rollout_step(
        self, answers: Sequence[Answered], *, minute: int, room: int, look: bool
    ) -> list[Errand] | None:
        """Carry the roll-outs on, and return whom to tell now (store.rolloutsteps).

        None when there is nothing to carry on.
        """
        try:
            with self._look() as work:
                if not self._steps.read(work.connection):
                    return None
            seen = self._steps.look(self._sightings, due=look)
            with self._change() as work:
                work.actor = audit.ENGINE
                return self._steps.step(work, answers, seen, minute=minute, room=room)
        except BaseException:
            self._steps.forget()
            raise

    def rollout_credentials(self, mac: int) -> list[Credentials]:
        """Return what to show the phone *mac* when it challenges a NOTIFY."""
        with self._look() as work:
            return credentials_for(work.connection, self._keyring, mac)

    def bulk(
        self,
        *,
        domains: Sequence[Mapping[str, str]] = (),
        accounts: Iterable[Mapping[str, str]] = (),
        open_minutes: float | None = None,
        update: bool = False,
        progress: Progress | None = None,
    ) -> Object:
        """Make domains, accounts, bindings and windows in one transaction.

        *domains* hold ``name`` and the fields of domain_add, *accounts* rows as in
        account_import; *open_minutes* opens all of those accounts.  With *update*
        what exists is changed, so that the same call can be made again.
        """
        return self._import(
            accounts,
            new_domains=domains,
            open_minutes=open_minutes,
            update=update,
            progress=progress,
        )

    def _import(
        self,
        rows: Iterable[Mapping[str, str]],
        *,
        new_domains: Sequence[Mapping[str, str]] = (),
        domain: str | None = None,
        open_minutes: float | None = None,
        update: bool = False,
        partial: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Object:
        right, wrong = imports.prepared(_told(rows, progress), domain)
        counts = {"added": 0, "updated": 0, "bound": 0}
        opened = 0
        stored = False
        while not stored:
            refused: list[RowError] = []
            try:
                with self._change() as work:
                    for fields in new_domains:
                        self._import_domain(work, fields, update=update)
                    ids, counts, refused = imports.store(
                        work, right, update=update, progress=progress
                    )
                    if dry_run or refused or (wrong and not partial):
                        raise _NotToBeStored
                    opening = None
                    if open_minutes is not None:
                        opening = windows.open_many(work, ids, open_minutes)
                        opened = len(ids)
                    # One row for all of them.
                    work.notes.clear()
                    work.note(
                        "accounts.imported",
                        domain or f"{len(ids)} accounts",
                        **counts,
                        domains=[fields["name"] for fields in new_domains[:100]],
                        opened=opened or None,
                        opening=opening,
                    )
                    if progress is not None:
                        # The last chance to raise, by which nothing is stored.
                        progress(len(right), len(right))
                stored = True
            except _NotToBeStored:
                wrong = sorted([*wrong, *refused], key=lambda error: error.row)
                if dry_run or not partial:
                    break
                # Once more with the rows that are right.
                without = {error.row for error in refused}
                right = [row for row in right if row.row not in without]
        return {
            **counts,
            "opened": opened,
            "stored": stored,
            "error_count": len(wrong),
            "errors": [error._asdict() for error in wrong[:MAX_ERRORS]],
        }

    def _import_domain(
        self, work: Work, fields: Mapping[str, str], *, update: bool
    ) -> None:
        others = {field: value for field, value in fields.items() if field != "name"}
        if not isinstance(fields.get("name"), str):
            raise SettingError("A domain to be made has no name.")
        if not all(isinstance(value, str) for value in others.values()):
            raise SettingError(f"Every value of {fields['name']} must be text.")
        if update and domains.exists(work, fields["name"]):
            domains.change(work, fields["name"], others)
        else:
            domains.add(work, fields["name"], others)

    @contextmanager
    def _change(self) -> Iterator[Work]:
        """Give the work of one write; commit it, then tell what changed."""
        self._renew()
        work = self._work()
        try:
            with transaction(self._connection):
                yield work
                for action, subject, detail in work.notes:
                    audit.append(
                        self._connection,
                        work.at.wall,
                        work.actor,
                        action,
                        subject,
                        detail,
                    )
                logged = record(self._connection, work.changes)
                if logged:
                    trim(self._connection)
        except StoreUnavailable:
            self._fail()
            raise
        if logged:
            self._committed(logged)

    @contextmanager
    def _look(self) -> Iterator[Work]:
        """Give the work of reads that see one moment of the store."""
        self._renew()
        try:
            self._connection.execute("BEGIN")
            try:
                yield self._work()
            finally:
                roll_back(self._connection)
        except sqlite3.Error as error:
            self._fail()
            raise StoreUnavailable(f"The store could not be read: {error}.") from error

    def _work(self) -> Work:
        return Work(
            self._connection,
            self._keyring,
            self._pairing,
            self._now(),
            actor=self.actor,
        )

    def _fail(self) -> None:
        self._failed = True
        self._connection.close()

    def _renew(self) -> None:
        if self._failed and self._reopen is not None:
            self._connection = self._reopen()
            self._failed = False


def _told(
    rows: Iterable[Mapping[str, str]], progress: Progress | None
) -> Iterator[Mapping[str, str]]:
    """Yield *rows*, telling *progress* now and then that none of them is stored."""
    total = len(rows) if isinstance(rows, Sequence) else 0
    for number, row in enumerate(rows):
        if progress is not None and number and number % PROGRESS_EVERY == 0:
            progress(0, total)
        yield row
