from bootwave.store.administration import Administration


def test_a_step_with_nothing_under_way_writes_nothing(admin: Administration) -> None:
    before = admin.audit_list()
    assert admin.rollout_step((), minute=0, room=10, look=True) is None
    assert admin.audit_list() == before
    assert admin.rollout_list() == []
