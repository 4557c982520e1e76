"""Progress as one subscription hears it, the beats of both hearts, and addresses that knock too often. No database."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import orjson
import pytest

from accounts.realtime.stomp import knocks as knocks_module
from accounts.realtime.stomp.beats import Beats
from accounts.realtime.stomp.frames import Frame, Version
from accounts.realtime.stomp.knocks import ADDRESSES_MAX, Knocks
from accounts.realtime.stomp.messages import PROGRESS, Told
from accounts.realtime.stomp.pace import TASKS_MAX, Pace
from accounts.realtime.stomp.refusal import Refused
from accounts.realtime.stomp.subscriptions import subscription_of


def told(percent: int, *, task: str = "t2i_1", is_step: bool = True) -> Told:
    body = {"taskId": task, "progress": percent, "currentStep": 30 * percent // 100, "totalSteps": 30, "message": "…"}
    return Told(PROGRESS, orjson.dumps(body), task, percent, is_step)


def test_steps_come_no_more_often_than_every_half_second_and_the_newest_wins() -> None:
    pace = Pace()
    assert pace.judge(told(0, is_step=False), 10.0) is not None
    assert [pace.judge(told(percent), 10.0 + percent / 100) for percent in (10, 20, 30)] == [None, None, None]
    assert pace.next_at == 10.5
    assert pace.due(10.49) == []
    assert [one.percent for one in pace.due(10.5)] == [30]
    assert (pace.due(11.5), pace.next_at) == ([], math.inf)
    assert pace.judge(told(40), 11.6) is not None


def test_beginning_and_end_are_told_at_once_and_a_waiting_step_is_not_told_after_the_end() -> None:
    pace = Pace()
    pace.judge(told(0, is_step=False), 1.0)
    assert pace.judge(told(0, is_step=False), 1.01) is not None
    pace.judge(told(80), 1.02)
    assert pace.judge(told(100, is_step=False), 1.03) is not None
    pace.end("t2i_1", 1.03)
    assert pace.judge(told(90), 9.0) is None
    assert pace.judge(told(100), 9.0) is None
    assert pace.due(9.0) == []


def test_progress_never_goes_backwards_also_in_a_second_attempt() -> None:
    pace = Pace()
    pace.judge(told(50), 1.0)
    assert pace.judge(told(20), 2.0) is None
    begun_again = pace.judge(told(0, is_step=False), 3.0)
    assert begun_again is not None
    body = orjson.loads(begun_again.body)
    assert (body["progress"], body["currentStep"]) == (50, 15)


def test_any_order_of_messages_is_told_forwards_and_slowly() -> None:
    chance = random.Random(4)
    for _ in range(200):
        pace, now, said = Pace(), 0.0, []
        for _ in range(60):
            now += chance.random() / 3
            said += [(now, one) for one in (pace.due(now) if now >= pace.next_at else [])]
            found = pace.judge(told(chance.randrange(100), is_step=chance.random() < 0.9), now)
            said += [(now, found)] if found else []
        percents = [orjson.loads(one.body)["progress"] for _, one in said]
        assert percents == sorted(percents)
        steps = [(at, one.is_step) for at, one in said]
        assert all(later - at >= 0.5 for (at, _), (later, is_step) in itertools.pairwise(steps) if is_step)


def test_no_more_tasks_are_remembered_than_there_is_room_for() -> None:
    pace = Pace()
    for number in range(TASKS_MAX * 3):
        pace.judge(told(1, task=f"t{number}"), 1.0)
        pace.end(f"t{number}", 1.0)
    assert len(pace._known) <= TASKS_MAX


BEATS: list[tuple[str, Version, float, float]] = [
    ("0,0", "1.2", 0.0, 0.0),
    ("10000,10000", "1.2", 9.0, 90.0),
    ("0,1", "1.2", 9.0, 0.0),
    ("1,0", "1.1", 0.0, 90.0),
    ("60000,20000", "1.1", 18.0, 180.0),
    ("10000,10000", "1.0", 0.0, 0.0),
]


@pytest.mark.parametrize(("offered", "version", "say_s", "silence_s"), BEATS)
def test_heart_beats_are_agreed_on(offered: str, version: Version, say_s: float, silence_s: float) -> None:
    beats = Beats()
    ours = beats.agree(offered, version)
    assert (beats.say_every_s, beats.silence_s) == (say_s, silence_s)
    assert ours == ({} if version == "1.0" else {"heart-beat": "10000,10000"})


def test_beats_are_due_and_missed_when_they_were_promised_only() -> None:
    beats = Beats(heard_at=0.0, said_at=0.0)
    assert not beats.is_due(10**6)
    assert not beats.is_silent(10**6)
    assert beats.next_s(0.0) == math.inf
    beats.agree("10000,10000", "1.2")
    assert (beats.is_due(8.9), beats.is_due(9.0), beats.is_silent(90.0), beats.is_silent(90.1)) == (False, True, False, True)
    beats.said_at = 85.0
    assert beats.next_s(84.0) == 6.0


@pytest.mark.parametrize("offered", ["", "1", "a,b", "1,2,3", "-1,0", "١,٢", "1e3,0", "9" * 12 + ",0", "1.5,2"])
def test_other_heart_beats_are_refused(offered: str) -> None:
    with pytest.raises(Refused):
        Beats().agree(offered, "1.2")


@pytest.mark.parametrize("text", ["0", "17", "0017", "9" * 18])
def test_event_ids_are_read_as_whole_numbers(text: str) -> None:
    found = subscription_of(Frame("SUBSCRIBE", {"id": "1", "destination": PROGRESS, "last-event-id": text}), "1.2")
    assert (found.has, found.is_behind) == (int(text), True)


def test_an_empty_event_id_is_none() -> None:
    found = subscription_of(Frame("SUBSCRIBE", {"id": "1", "destination": PROGRESS, "last-event-id": ""}), "1.2")
    none = subscription_of(Frame("SUBSCRIBE", {"id": "1", "destination": PROGRESS}), "1.2")
    assert (found.has, found.is_behind) == (none.has, none.is_behind) == (none.has, False)


@pytest.mark.parametrize("text", ["-1", "1.", ".1", "1.2", "1,1", "٣", "9" * 19, "x", "1\n"])
def test_other_event_ids_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        subscription_of(Frame("SUBSCRIBE", {"id": "1", "destination": PROGRESS, "last-event-id": text}), "1.2")


def test_who_is_refused_too_often_is_not_listened_to_for_a_minute(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RATE_LIMITS, settings.REALTIME_REFUSALS_A_MINUTE = True, 3
    now = 1000.0
    monkeypatch.setattr(knocks_module.time, "monotonic", lambda: now)
    knocks = Knocks()
    for _ in range(3):
        assert knocks.is_patient("a")
        knocks.refused("a")
    assert not knocks.is_patient("a")
    assert knocks.is_patient("b")
    now += 60.1
    assert knocks.is_patient("a")
    for number in range(ADDRESSES_MAX + 5):
        knocks.refused(f"x{number}")
    assert len(knocks._refused) <= ADDRESSES_MAX
