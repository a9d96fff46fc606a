"""What administrators do with the dial plan of a domain."""

from typing import Any

from bootwave.directory.records import DialTemplate
from bootwave.errors import SettingError, StoreNotFound
from bootwave.settings.dialplan import MAX_RULES, checked_template, chosen_template
from bootwave.store.names import required_domain
from bootwave.store.work import Work

_HAS = "SELECT domain_id FROM dial_plans WHERE domain_id = :domain_id"
_MAKE = """
INSERT INTO dial_plans (domain_id) VALUES (:domain_id)
ON CONFLICT (domain_id) DO NOTHING
"""
_SET = """
INSERT INTO dial_templates (domain_id, pattern, timeout, "user", rewrite)
VALUES (:domain_id, :pattern, :timeout, :user, :rewrite)
ON CONFLICT (domain_id, pattern) DO UPDATE
SET timeout = excluded.timeout, "user" = excluded."user", rewrite = excluded.rewrite
"""
_UNSET = """
DELETE FROM dial_templates WHERE domain_id = :domain_id AND pattern = :pattern
RETURNING pattern
"""
_RULES = """
SELECT pattern, timeout, "user", rewrite FROM dial_templates
WHERE domain_id = :domain_id ORDER BY pattern
"""
_CLEAR = "DELETE FROM dial_templates WHERE domain_id = :domain_id"
_FORGET = "DELETE FROM dial_plans WHERE domain_id = :domain_id"


def set_rule(
    work: Work, domain: str, match: str, timeout: int, user: str, rewrite: str
) -> dict[str, Any]:
    """Say what phones do with numbers of one pattern; ``warning`` may be a sentence."""
    rule, warning = checked_template(match, timeout, user, rewrite)
    here = {"domain_id": work.domain_id(domain)}
    work.connection.execute(_MAKE, here)
    said = {"timeout": rule.timeout, "user": rule.user, "rewrite": rule.rewrite}
    work.connection.execute(_SET, {**here, "pattern": rule.match, **said})
    if len(work.connection.execute(_RULES, here).fetchall()) > MAX_RULES:
        raise SettingError(f"A dial plan has {MAX_RULES} rules at most.")
    _changed(work, domain, here, "dialplan.set", rule.match)
    return {"match": rule.match, **said, "warning": warning}


def unset_rule(work: Work, domain: str, match: str) -> dict[str, Any]:
    """Say nothing of a pattern any more; raises StoreNotFound when nothing was."""
    here = {"domain_id": work.domain_id(domain)}
    pattern = match.strip()
    rows = work.connection.execute(_UNSET, {**here, "pattern": pattern}).fetchall()
    if not rows:
        raise StoreNotFound(
            f"{pattern!r} is no rule there: see bootwave dialplan list."
        )
    _changed(work, domain, here, "dialplan.unset", pattern)
    return {"match": pattern}


def listed(work: Work, domain: str, dialled: str) -> dict[str, Any]:
    """Return the rules by their pattern, and the one phones take for *dialled*.

    ``told`` is whether phones are told a plan at all.
    """
    here = {"domain_id": work.domain_id(domain)}
    rules = [DialTemplate(*row) for row in work.connection.execute(_RULES, here)]
    taken = chosen_template(rules, dialled) if dialled else None
    return {
        "told": bool(work.connection.execute(_HAS, here).fetchall()),
        "rules": [_shown(rule) for rule in rules],
        "taken": None if taken is None else _shown(taken),
    }


def clear(work: Work, domain: str, *, forget: bool) -> dict[str, Any]:
    """Take every rule away: phones are told a plan without any.

    With *forget* they are told none, and keep the one they have.
    """
    here = {"domain_id": work.domain_id(domain)}
    if not work.connection.execute(_HAS, here).fetchall():
        raise StoreNotFound(f"{required_domain(domain)} has no dial plan.")
    rules = len(work.connection.execute(_RULES, here).fetchall())
    work.connection.execute(_CLEAR, here)
    if forget:
        work.connection.execute(_FORGET, here)
    _changed(work, domain, here, "dialplan.cleared", "")
    return {"rules": rules, "told": not forget}


def _shown(rule: DialTemplate) -> dict[str, Any]:
    return {
        "match": rule.match,
        "timeout": rule.timeout,
        "user": rule.user,
        "rewrite": rule.rewrite,
    }


def _changed(
    work: Work, domain: str, here: dict[str, int], action: str, match: str
) -> None:
    work.touched("domain", here["domain_id"])
    work.note(action, required_domain(domain), match=match)
