"""What phones are told: layers, function keys, profiles, groups."""

from collections.abc import Callable, Mapping, Sequence

from bootwave.errors import OptionError
from bootwave.settings.credentials import (
    key_without_credentials,
    refuse_mask,
    setting_without_credentials,
)
from bootwave.store.domains import groups, windows
from bootwave.store.operations.transactions import Object, Transactions
from bootwave.store.settings import firmwareranges, layers, profiles
from bootwave.store.work import Work


class SettingsOperations(Transactions):
    """What phones are told: layers, function keys, profiles, groups."""

    def profile_add(self, domain: str, name: str) -> Object:
        """Add a button profile to a domain; raises StoreConflict when it exists."""
        with self._change() as work:
            return profiles.add(work, domain, name)

    def profile_list(self, domain: str) -> list[Object]:
        """Return the profiles of a domain: who has them, and how much they say."""
        with self._look() as work:
            return profiles.listed(work, domain)

    def profile_show(self, domain: str, name: str, *, reveal: bool = False) -> Object:
        """Return what a profile says, and the numbers of the accounts that have it.

        Secrets are masked; with *reveal* they are not, and the audit log is told.
        """
        with self._showing(reveal=reveal) as work:
            found = profiles.shown(work, domain, name)
            target = f"{name}@{domain}"
            layer = _told(work, "profile", target, "keys", "settings", reveal=reveal)
            return {**found, **layer}

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
        ``NAME@DOMAIN`` for a profile).  A secret is masked in the result, and what
        is shown for one is refused.
        """
        refuse_mask(value)
        with self._change() as work:
            done = layers.set_setting(
                work, scope, target, name, value, index, permission
            )
        return setting_without_credentials(done)

    def settings_unset(
        self, scope: str, target: str, name: str, *, index: int | None = None
    ) -> Object:
        """Say a setting no longer in a layer."""
        with self._change() as work:
            return layers.unset_setting(work, scope, target, name, index)

    def settings_list(
        self, scope: str, target: str = "", *, reveal: bool = False
    ) -> list[Object]:
        """Return the settings of a layer.

        Secrets are masked; with *reveal* they are not, and the audit log is told.
        """
        with self._showing(reveal=reveal) as work:
            return _told(work, scope, target, "settings", reveal=reveal)["settings"]

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
        """Say what function key *index*, from 0, is in a layer.

        Credentials in URLs are masked in the result, and what is shown for them is
        refused.
        """
        refuse_mask(value, label, *(attributes or {}).values())
        with self._change() as work:
            done = layers.set_key(
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
        return key_without_credentials(done)

    def keys_clear(
        self, scope: str, target: str, *, index: int | None = None
    ) -> Object:
        """Say nothing about one function key of a layer, or about any of them."""
        with self._change() as work:
            return layers.clear_keys(work, scope, target, index)

    def keys_list(
        self, scope: str, target: str = "", *, reveal: bool = False
    ) -> list[Object]:
        """Return the function keys of a layer.

        Credentials in URLs are masked; with *reveal* they are not, and the audit log is
        told.
        """
        with self._showing(reveal=reveal) as work:
            return _told(work, scope, target, "keys", reveal=reveal)["keys"]

    def layer_revealed(self, scope: str, target: str = "") -> Object:
        """Return settings and function keys of a layer, secrets among them, too.

        The audit log is told where there are some.
        """
        with self._change() as work:
            return _told(work, scope, target, "settings", "keys", reveal=True)


_PARTS: dict[str, tuple[Callable[..., list[Object]], Callable[..., Object]]] = {
    "settings": (layers.settings, setting_without_credentials),
    "keys": (layers.keys, key_without_credentials),
}


def _told(
    work: Work, scope: str, target: str, *parts: str, reveal: bool
) -> dict[str, list[Object]]:
    """Return *parts* of a layer, settings and keys, with secrets masked.

    With *reveal* they are not; the audit log is told where there are some.
    """
    found = {part: _PARTS[part][0](work, scope, target) for part in parts}
    masked = {part: [*map(_PARTS[part][1], found[part])] for part in parts}
    if not reveal:
        return masked
    if found != masked:
        work.note("layer.revealed", layers.named(scope, target))
    return found
