from bootwave.settings.spelling import nearest


def test_the_nearest_known_word_is_found_in_any_case() -> None:
    known = ["user_name", "user_host", "F_REDIAL"]
    assert nearest("user_nmae", known) == "user_name"
    assert nearest("User_Host", known) == "user_host"
    assert nearest("f_redail", known) == "F_REDIAL"


def test_the_same_letters_in_another_order_are_the_nearest() -> None:
    assert nearest("bfl", ["blf", "ble", "speed"]) == "blf"


def test_nothing_is_guessed_for_a_word_like_none() -> None:
    assert nearest("Mars", ["Paris", "Warsaw", "Samara"]) == ""
    assert nearest("Deutschland", ["Netherlands", "Thailand"]) == ""
    assert nearest("Klingonisch", ["Finnish", "English"]) == ""
    assert nearest("zzz", ["user_name"]) == ""
    assert nearest("user_name", []) == ""
