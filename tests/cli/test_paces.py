from bootwave.cli.paces import chosen_pace


def test_only_what_was_given_is_asked_for() -> None:
    assert chosen_pace() == {"hours": "", "at_once": False}
    given = chosen_pace(rate=2.0, canary=3, stages="50%", wait=5.0, share=80.0)
    assert given == {
        "rate": 2.0,
        "canary": 3,
        "stages": "50%",
        "wait_minutes": 5.0,
        "share_percent": 80.0,
        "hours": "",
        "at_once": False,
    }
