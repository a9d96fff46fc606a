from bootwave.phone.firmwarerange import FirmwareRange
from bootwave.settings import origins


def test_where_something_was_said_reads_as_people_write_it() -> None:
    range_ = FirmwareRange.required("8.4-8.7")
    assert origins.of_model("snom370") == "model snom370"
    assert origins.of_firmware(range_, "snom370") == "firmware 8.4-8.7 of snom370"
    assert origins.of_domain("a.example.com") == "domain a.example.com"
    assert origins.of_profile("sales", "a.example.com") == "profile sales@a.example.com"
    assert origins.of_account("401", "a.example.com") == "account 401@a.example.com"
    assert origins.of_device(0x0004132E08B4) == "device 0004132E08B4"
    assert origins.fields_of("account 1@a") == "account 1@a, its own fields"
