"""What administrators may say of firmware while a roll-out is on its way."""

import pytest

from bootwave.errors import StoreConflict
from tests.store.staged import DOMAIN, MODEL, NEW, OLD, OTHER, PHONES, Staged, text


def test_nobody_defines_another_version_where_a_roll_out_is_to_define_one(
    staged: Staged,
) -> None:
    number = staged.roll_out()["id"]
    document = staged.admin.firmware_export("domain", DOMAIN)["document"]
    for version in ("8.5.21", NEW):
        with pytest.raises(StoreConflict, match=f"rollout cancel {number}"):
            staged.define(version)
    with pytest.raises(StoreConflict, match=f"on the way to {MODEL} {NEW}"):
        staged.admin.firmware_unset("domain", DOMAIN, MODEL)
    with pytest.raises(StoreConflict, match="on the way to"):
        staged.admin.firmware_import("domain", DOMAIN, document.replace(OLD, "8.5.21"))
    # Steps, other models and other places are nobody's but theirs.
    staged.define("8.5.21", step=True)
    location = "http://downloads.snom.com/a.bin"
    staged.admin.firmware_set("domain", DOMAIN, "snom320", "8.4", location=location)
    staged.define("8.5.21", "engine", "")
    staged.admin.rollout_cancel(number)
    staged.define("8.5.22")
    assert "8.5.22" in staged.defined()


def test_a_phone_that_is_given_a_version_of_its_own_is_left_alone(
    staged: Staged,
) -> None:
    staged.roll_out(at_once=True, rate=None, stages=None)
    assert len(staged.tell()) == PHONES
    staged.define("8.5.21", "device", text(1), step=True)
    assert staged.fate(1) == "out"
    staged.define(NEW, "device", text(1))
    assert staged.fate(1) == "left"
    # The step that follows does not undo it.
    staged.comes(2, NEW)
    staged.step()
    assert (staged.fate(1), staged.fate(2)) == ("left", "back")
    assert staged.asks(1) == NEW
    (shown,) = staged.admin.rollout_show(1)["phones"]
    assert shown["detail"] == "it was given a version of its own meanwhile"


@pytest.mark.usefixtures("wrong_clock")
def test_a_roll_out_to_a_phone_is_not_in_the_way_of_its_next_domain(
    staged: Staged,
) -> None:
    pace = {"at_once": True, "rate": None, "stages": None}
    first = staged.roll_out("device", text(1), **pace)["id"]
    staged.move(1)
    staged.comes(1, OLD)
    staged.admin.reach = frozenset({OTHER})
    staged.define("8.5.21", "device", text(1))
    second = staged.roll_out("device", text(1), **pace)["id"]
    with pytest.raises(StoreConflict, match=f"Roll-out {second} is on the way"):
        staged.define("8.5.22", "device", text(1))
    assert staged.tell() == [1]
    staged.comes(1, NEW)
    staged.step()
    staged.admin.reach = None
    shown = [staged.admin.rollout_show(number) for number in (first, second)]
    assert [(one["state"], one["fates"]["back"]) for one in shown] == [
        ("done", 0),
        ("done", 1),
    ]
    assert staged.defined("device", text(1)) == [NEW]


def test_an_image_that_phones_load_is_not_removed(staged: Staged) -> None:
    name = f"{MODEL}-{NEW}-SIP-f.bin"
    staged.upload(name, b"image")
    number = staged.roll_out(location="")["id"]
    with pytest.raises(StoreConflict, match=f"the phones of roll-out {number} load"):
        staged.admin.firmware_remove(name)
    staged.admin.rollout_cancel(number, withdraw=True)
    assert staged.admin.firmware_remove(name)["name"] == name
