"""One thread, one wish at a time, the newest wins, and nothing that goes wrong ends the studio."""

import pytest
from studio_helpers import SlowEngine

from diffusion_course.studio.desk import Desk
from diffusion_course.studio.wishes import Refused


@pytest.fixture
def engine():
    return SlowEngine()


@pytest.fixture
def desk(engine):
    desk = Desk(engine)
    yield desk
    engine.go_on.release(1000)
    desk.close()
    assert not desk._thread.is_alive()


def ended(job) -> None:
    assert job.done.wait(20)


def test_a_wish_is_told_of_step_by_step(desk, engine):
    told = []
    job = desk.hand_in({"prompt": "star", "steps": 2}, told.append)
    engine.go_on.release(2)
    ended(job)
    assert [event["kind"] for event in told] == ["began", "frame", "frame", "done"]


def test_the_newest_wins_and_the_others_are_told(desk, engine):
    told = {name: [] for name in ("first", "second", "third")}
    first = desk.hand_in({"prompt": "first", "steps": 50}, told["first"].append)
    engine.go_on.release()
    while ("first", 1) not in engine.painted:
        pass
    second = desk.hand_in({"prompt": "second", "steps": 1}, told["second"].append)
    third = desk.hand_in({"prompt": "third", "steps": 1}, told["third"].append)
    engine.go_on.release(100)
    for job in (first, second, third):
        ended(job)
    assert told["first"][-1]["kind"] == "cancelled" and len(told["first"]) <= 4
    assert [event["kind"] for event in told["second"]] == ["cancelled"]
    assert told["third"][-1]["kind"] == "done"
    assert "second" not in {prompt for prompt, _ in engine.painted}


def test_a_refused_wish_leaves_the_one_that_is_painted(desk, engine):
    told = []
    job = desk.hand_in({"prompt": "star", "steps": 1}, told.append)
    with pytest.raises(Refused, match="strength"):
        desk.hand_in({"strength": 2}, told.append)
    engine.go_on.release()
    ended(job)
    assert told[-1]["kind"] == "done"


def test_after_a_failure_the_next_wish_is_painted(desk, engine):
    told = []
    job = desk.hand_in({"prompt": "fail", "steps": 1}, told.append)
    engine.go_on.release(2)
    ended(job)
    assert told[-1] == {"kind": "failed", "message": "RuntimeError: no memory"}
    ended(desk.hand_in({"prompt": "star", "steps": 1}, told.append))
    assert told[-1]["kind"] == "done"


def test_who_no_longer_listens_is_painted_for_no_more(desk, engine):
    def gone(event):
        raise BrokenPipeError

    job = desk.hand_in({"prompt": "star", "steps": 50}, gone)
    ended(job)
    assert engine.painted == []


def test_cancelled_and_closed(desk, engine):
    told = []
    job = desk.hand_in({"prompt": "star", "steps": 50}, told.append)
    job.cancel()
    engine.go_on.release(1)
    ended(job)
    assert told[-1]["kind"] == "cancelled"
    waits = desk.hand_in({"prompt": "star", "steps": 50}, told.append)
    engine.go_on.release(1)
    desk.close()
    ended(waits)
    with pytest.raises(RuntimeError, match="closed"):
        desk.hand_in({}, told.append)
