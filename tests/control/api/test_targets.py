from bootwave.control.api import targets


def test_what_stands_in_a_path_is_named_as_operations_do() -> None:
    assert targets.engine() == ""
    assert targets.domain("a.example.com") == "a.example.com"
    assert targets.account("a.example.com", "401") == "401@a.example.com"
    assert targets.profile("a.example.com", "sales") == "sales@a.example.com"
    assert targets.group("a.example.com", "north") == "north@a.example.com"
    assert targets.device("0004132E08B4") == "0004132E08B4"
    assert targets.model("D785") == "D785"
    assert targets.firmware("D785", "8.4-8.7") == "D785 8.4-8.7"
