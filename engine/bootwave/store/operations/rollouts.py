"""Roll-outs: live phones told stage by stage."""

from collections.abc import Sequence

from bootwave.rollout import plan as plans
from bootwave.rollout.notifier import Answered, Credentials
from bootwave.settings.credentials import refuse_mask, told_without_credentials
from bootwave.store import audit
from bootwave.store.domains.devices import domain_of
from bootwave.store.firmware import firmware
from bootwave.store.operations.transactions import Object, T, Transactions
from bootwave.store.rollouts import firmware as rolloutfirmware
from bootwave.store.rollouts import reach, rollouts
from bootwave.store.rollouts.credentials import credentials_for
from bootwave.store.rollouts.steps import Step
from bootwave.store.settings.fleet import boot_delay


class RolloutOperations(Transactions):
    """Roll-outs: live phones told stage by stage.

    Credentials in the URL of the firmware that one rolls out are masked.
    """

    def rollout_start(
        self,
        scope: str,
        target: str = "",
        *,
        action: str = "resync",
        model: str = "",
        shared: bool = False,
        rate: float | None = None,
        canary: int | None = None,
        stages: str | None = None,
        hours: str = "",
        wait_minutes: float | None = None,
        share_percent: float = plans.DEFAULT_SHARE,
        at_once: bool = False,
    ) -> Object:
        """Tell phones to fetch their settings again, or to reboot, stage by stage.

        *scope* is engine, domain, group (``name@domain``), account or device, *target*
        names which, and *model* is which of them.  A phone that is told by its proxy,
        whose NOTIFY would tell others of the same account that were not chosen, is left
        out, unless *shared* takes those in.  *rate* phones are told in a second,
        10 unless said, *canary* of them first, 1 % unless said; *stages* are how many
        were told when each ends, ``10%,50%`` unless said.  *hours* are those of the day
        within which phones are told.  It halts when fewer than *share_percent* of a
        stage come back within *wait_minutes*, which is long enough for the boot delay
        that phones are told, unless said.  *at_once* tells all, without those three
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
        with self._look() as work:
            ready = rollouts.choose(
                work,
                self._sightings,
                scope,
                target,
                action=action,
                model=model,
                shared=shared,
                asked=asked,
                waves=self._waves,
            )
        with self._change() as work:
            return rollouts.begin(work, ready)

    def rollout_firmware(
        self,
        scope: str,
        target: str,
        model: str,
        version: str,
        *,
        location: str = "",
        shared: bool = False,
        rate: float | None = None,
        canary: int | None = None,
        stages: str | None = None,
        hours: str = "",
        wait_minutes: float | None = None,
        share_percent: float = plans.DEFAULT_SHARE,
        at_once: bool = False,
    ) -> Object:
        """Have phones of *model* load a version, stage by stage, then define it.

        *scope* is engine, domain, group or device, and *location* as for firmware.set.
        A phone is told the version from its turn on, and is back when it runs it; the
        scope defines it when the roll-out is done.  *shared* lets phones restart that
        are told along, and are told to load nothing.  The rest is as for rollout.start;
        *wait_minutes* are half an hour for each image on the way and what phones may
        wait when they start, and *rate* is no more than this server has room to send
        images for, unless said.  ``already`` is how many phones run it, ``left_out``
        who else is not told and why, and ``warnings`` say which phones go down to an
        older version.
        """
        refuse_mask(location)
        with self._look() as work:
            definition = firmware.definition_of(
                work, model, version, location, "", step=False
            )
            chosen = rolloutfirmware.choose(
                work,
                self._allowed(),
                self._sightings,
                scope,
                target,
                definition,
                shared=shared,
            )
            delay = boot_delay(work.connection, self._waves)
        if rate is None and not at_once:
            rate = rolloutfirmware.default_rate(chosen, self._firmware.bytes_per_second)
        if wait_minutes is None:
            wait_minutes = rolloutfirmware.default_wait(chosen, delay)
        asked = {
            "rate": rate,
            "canary": canary,
            "stages": stages,
            "hours": hours,
            "wait_minutes": wait_minutes,
            "share_percent": share_percent,
            "at_once": at_once,
        }
        ready = rolloutfirmware.startable(chosen, asked)
        with self._change() as work:
            return _masked(rolloutfirmware.start(work, chosen, ready))

    def rollout_list(self) -> list[Object]:
        """Return the roll-outs, newest first."""
        with self._look() as work:
            return _masked(rollouts.listed(work))

    def rollout_show(self, rollout: int) -> Object:
        """Return a roll-out with its stages, and the phones that are in trouble."""
        with self._look() as work:
            return _masked(rollouts.shown(work, rollout))

    def rollout_domain(self, number: int) -> str | None:
        """Return the domain of a roll-out, "" for none; None for an unknown one.

        Not for administrators: it decides who may ask for the roll-out.
        """
        with self._look() as work:
            return reach.domain_of_rollout(work, number)

    def rollout_pause(self, rollout: int) -> Object:
        """Tell no more phones for now."""
        with self._change() as work:
            return _masked(rollouts.pause(work, rollout))

    def rollout_resume(self, rollout: int, *, skip: bool = False) -> Object:
        """Go on with a roll-out that is paused or halted.

        Phones that are missing in its stage are told again, or left out with *skip*.
        """
        with self._change() as work:
            return _masked(rollouts.resume(work, rollout, skip=skip))

    def rollout_cancel(self, rollout: int, *, withdraw: bool = False) -> Object:
        """End a roll-out for good; what phones were told already stands.

        Phones that run the firmware it rolled out keep it by a definition of their
        own, ``kept`` of them, or with *withdraw* go back to what is defined for them.
        """
        with self._change() as work:
            return _masked(rollouts.cancel(work, rollout, withdraw=withdraw))

    def rollout_step(
        self, answers: Sequence[Answered], *, minute: int, room: int, look: bool
    ) -> Step | None:
        """Carry the roll-outs on, and return whom to tell now (rollouts.steps).

        *answers* are what came of earlier errands, *minute* is that of the local day,
        and at most *room* phones are told.  *look* says that sightings may be read now.
        None when there is nothing to carry on.
        """
        steps, now = self._steps, self._now()
        try:
            with self._look() as work:
                if not steps.read(work.connection):
                    return None
            seen = steps.look(self._sightings, now.boottime, minute, due=look)
            if not steps.is_due(answers, seen, now.wall, minute=minute, room=room):
                return Step([], steps.rest(minute), steps.going)
            with self._change() as work:
                work.actor = audit.ENGINE
                told = steps.step(work, answers, seen, minute=minute, room=room)
            steps.stored()
            return Step(told, steps.rest(minute), steps.going)
        except BaseException:
            self._steps.forget()
            raise

    def rollout_credentials(self, mac: int, domain: str) -> list[Credentials]:
        """Return what to show the phone *mac* when it challenges a NOTIFY.

        Nothing when it is another's than *domain*, whose it was when it was told.
        """
        with self._look() as work:
            if domain_of(work, mac) != domain:
                return []
            return credentials_for(work.connection, self._keyring, self._sightings, mac)


def _masked(told: T) -> T:
    masked: T = told_without_credentials(told)
    return masked
