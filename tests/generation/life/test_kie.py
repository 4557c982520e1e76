"""kie.ai's protocol end to end against a local server of it, and its callback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from config.kernel.outbound import AddressRefused
from generation.engines.base import EngineRequest, Rejected, Temporary, Unknown
from generation.engines.kie.adapter import KieEngine
from generation.models import Attempt, Engine, Task
from generation.services.poll import attempt_ask
from generation.services.sweep import deadlines_keep, polls_enqueue
from tests.generation.life.conftest import balance, events, make_task, make_user, past, run_all, run_next, use_engine
from tests.generation.life.kie_server import KEY, KieServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def kie() -> Iterator[KieServer]:
    server = KieServer()
    yield server
    server.close()


@pytest.fixture
def engine(db: None, adapters: None, kie: KieServer) -> Engine:
    return use_engine("kie", api_base=kie.url, api_key=KEY)


@pytest.fixture
def adapter(engine: Engine) -> KieEngine:
    return KieEngine(Engine.objects.get(pk=engine.pk))


def request_of(**params: Any) -> EngineRequest:
    return EngineRequest(uuid4(), "text-to-video", "sora2", {"prompt": "a fox", **params}, (), 1, "http://127.0.0.1/cb?token=x")


def ask() -> None:
    """The sweep's time has come for every attempt, and a worker asks."""
    for attempt in Attempt.objects.filter(state="running"):
        Attempt.objects.filter(pk=attempt.pk).update(next_poll_at=past(0))
        attempt_ask(attempt.pk)


def started(user: Any) -> Task:
    make_task(user)
    task = run_next()
    assert task is not None
    return task


def call_back(api: Any, task: Task, body: Any, token: str | None = None) -> Any:
    token = token if token is not None else f"{task.uuid}.{task.callback_token}"
    return api().post(f"/api/videos/sora/callback?token={token}", body)


def test_submits_in_the_upstreams_words(kie: KieServer, adapter: KieEngine) -> None:
    upstream_id = adapter.submit(request_of(quality="hd", aspect_ratio="portrait"))
    job = kie.jobs[upstream_id]
    assert job.body["model"] == "sora-2-pro-text-to-video"
    assert job.body["callBackUrl"] == "http://127.0.0.1/cb?token=x"
    assert job.body["input"]["aspect_ratio"] == "portrait"
    assert job.body["input"]["n_frames"] == "10"


@pytest.mark.parametrize("text_name", ["msg", "message"])
@pytest.mark.parametrize(
    ("mode", "error"),
    [("busy", Temporary), ("no_credits", Temporary), ("invalid", Rejected), ("broken", Unknown), ("silent", Unknown), ("html", Unknown)],
)
def test_every_refusal_of_a_create_is_understood(
    kie: KieServer, adapter: KieEngine, mode: str, error: type[Exception], text_name: str
) -> None:
    kie.mode, kie.text_name = mode, text_name
    with pytest.raises(error):
        adapter.submit(request_of())


def test_a_wrong_key_is_our_own_trouble(kie: KieServer, engine: Engine) -> None:
    engine.api_key = "wrong"
    with pytest.raises(Temporary):
        KieEngine(engine).submit(request_of())
    with pytest.raises(Temporary):
        KieEngine(engine).poll("x")


def test_an_upstream_that_is_down_took_nothing(adapter: KieEngine, kie: KieServer) -> None:
    kie.close()
    with pytest.raises(Temporary):
        adapter.submit(request_of())


def test_a_private_address_is_refused_unless_operators_allow_it(adapter: KieEngine, settings: Any, kie: KieServer) -> None:
    settings.DEMO = False
    with pytest.raises(Temporary, match=AddressRefused.__name__):
        adapter.submit(request_of())
    assert kie.creates == 0
    settings.ENGINE_ALLOWED_HOSTS = ["127.0.0.1"]
    assert adapter.submit(request_of()) in kie.jobs


@pytest.mark.parametrize(
    ("state", "ours"), [("waiting", "queued"), ("queuing", "queued"), ("generating", "running"), ("fail", "failed"), ("new", "running")]
)
def test_every_state_is_understood(kie: KieServer, adapter: KieEngine, state: str, ours: str) -> None:
    upstream_id = adapter.submit(request_of())
    kie.jobs[upstream_id].state = state
    assert adapter.poll(upstream_id).state == ours
    assert adapter.poll("nothing").state == "lost"
    assert adapter.cancel(upstream_id) is False


def test_an_order_is_made_polled_and_delivered(kie: KieServer, engine: Engine, clip: Callable[[float], Path]) -> None:
    user = make_user()
    task = started(user)
    assert (task.status, task.lease_owner, Attempt.objects.get().upstream_id) == ("RUNNING", "", kie.last.task_id)
    kie.last.state, kie.last.progress = "generating", 40
    ask()
    task.refresh_from_db()
    assert (task.status, task.progress) == ("RUNNING", 40)
    kie.succeed(kie.last, clip(1.0).read_bytes())
    ask()
    task.refresh_from_db()
    assert (task.status, task.progress, balance(user)) == ("SUCCEEDED", 100, 980)
    assert task.output is not None
    assert task.output.size_bytes == clip(1.0).stat().st_size
    assert kie.creates == 1


def test_the_engine_is_not_asked_before_its_time(kie: KieServer, engine: Engine, sent: list[Any]) -> None:
    started(make_user())
    assert polls_enqueue() == 0
    Attempt.objects.update(next_poll_at=past(0))
    assert polls_enqueue() == 1
    assert ("generation.poll", Attempt.objects.get().pk) in sent


def test_a_record_that_is_not_there_yet_is_not_lost(kie: KieServer, engine: Engine, clip: Callable[[float], Path]) -> None:
    kie.young_s = 100
    task = started(make_user())
    ask()
    task.refresh_from_db()
    assert task.status == "RUNNING"
    kie.young_s = 0
    kie.succeed(kie.last, clip(1.0).read_bytes())
    ask()
    task.refresh_from_db()
    assert task.status == "SUCCEEDED"


def test_a_task_the_upstream_lost_is_tried_again(kie: KieServer, engine: Engine) -> None:
    task = started(make_user())
    kie.jobs.clear()
    Attempt.objects.update(sent_at=past(90))
    ask()
    task.refresh_from_db()
    assert (task.status, Attempt.objects.get().state) == ("PENDING", "lost")


def test_a_clear_refusal_is_sent_again_a_lost_answer_never(kie: KieServer, engine: Engine) -> None:
    kie.mode = "busy"
    user = make_user()
    task = make_task(user)
    run_all()
    task.refresh_from_db()
    assert (task.status, kie.creates, balance(user)) == ("FAILED", 3, 1_000)
    kie.mode, kie.creates = "silent", 0
    lost = make_task(user)
    run_all()
    lost.refresh_from_db()
    assert (lost.status, kie.creates, Attempt.objects.get(task=lost).state) == ("RUNNING", 1, "sending")
    Task.objects.filter(pk=lost.pk).update(deadline_at=past(1))
    assert deadlines_keep() == 1
    lost.refresh_from_db()
    assert (lost.status, balance(user), kie.creates) == ("TIMEOUT", 1_000, 1)


def test_a_refusal_of_the_content_fails_and_refunds(kie: KieServer, engine: Engine) -> None:
    kie.mode = "invalid"
    user = make_user()
    make_task(user)
    task = run_next()
    assert task is not None
    assert (task.status, balance(user)) == ("FAILED", 1_000)
    assert "Invalid" not in task.error_message, "raw detail of an upstream stays in the log"


def test_a_genuine_callback_is_believed_after_asking(
    kie: KieServer, engine: Engine, clip: Callable[[float], Path], api: Any, sent: list[Any]
) -> None:
    user = make_user()
    task = started(user)
    kie.succeed(kie.last, clip(1.0).read_bytes())
    answer = call_back(api, task, kie.callback(kie.last))
    assert (answer.status, answer.body) == (
        200,
        {"success": True, "message": "Task completed successfully", "task_id": str(task.uuid)},
    )
    assert ("generation.poll", Attempt.objects.get().pk) in sent
    attempt_ask(Attempt.objects.get().pk)
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("SUCCEEDED", 980)
    again = call_back(api, task, kie.callback(kie.last))
    assert again.body["message"] == "Task completed successfully"
    assert events(user).count("task.completed") == 1


def test_the_documents_own_body_claims_and_proves_nothing(kie: KieServer, engine: Engine, api: Any) -> None:
    user = make_user()
    task = started(user)
    body = {
        "code": 200,
        "msg": "success",
        "data": {"taskId": kie.last.task_id, "state": "success", "resultJson": json.dumps({"resultUrls": ["https://evil.example/x.mp4"]})},
    }
    answer = call_back(api, task, body)
    assert (answer.status, answer.body["message"]) == (200, "Callback received")
    task.refresh_from_db()
    assert (task.status, task.output, balance(user)) == ("RUNNING", None, 980)


@pytest.mark.parametrize(
    "token", ["", "x", "{uuid}", "{uuid}.", "{uuid}.wrong", "00000000-0000-4000-8000-000000000000.{secret}", "{uuid}.{secret}x"]
)
def test_a_callback_without_the_tasks_token_moves_nothing(
    kie: KieServer, engine: Engine, clip: Callable[[float], Path], api: Any, token: str
) -> None:
    user = make_user()
    task = started(user)
    kie.succeed(kie.last, clip(1.0).read_bytes())
    answer = call_back(api, task, kie.callback(kie.last), token.format(uuid=task.uuid, secret=task.callback_token))
    assert answer.status == 404
    assert set(answer.body) == {"detail"}
    task.refresh_from_db()
    assert (task.status, Attempt.objects.get().state) == ("RUNNING", "running")


@pytest.mark.parametrize("body", [[], "x", {"data": "x"}, {"data": {"taskId": 7}}, {"data": {"taskId": "y" * 500}}, {}])
def test_a_strange_body_with_the_right_token_is_harmless(kie: KieServer, engine: Engine, api: Any, body: Any) -> None:
    task = started(make_user())
    answer = call_back(api, task, body)
    assert answer.status in (200, 422)
    task.refresh_from_db()
    assert task.status == "RUNNING"


def test_a_failed_callback_refunds_once(kie: KieServer, engine: Engine, api: Any) -> None:
    user = make_user()
    task = started(user)
    kie.fail(kie.last)
    for _ in range(3):
        assert call_back(api, task, kie.callback(kie.last)).body["message"] == "Task failed"
    task.refresh_from_db()
    assert (task.status, balance(user), events(user).count("task.failed")) == ("FAILED", 1_000, 1)


def test_a_lost_answer_is_found_again_by_the_callback(
    kie: KieServer, engine: Engine, clip: Callable[[float], Path], api: Any, settings: Any
) -> None:
    kie.mode = "silent"
    user = make_user()
    task = started(user)
    assert Attempt.objects.get().state == "sending"
    kie.succeed(kie.last, clip(1.0).read_bytes())
    answer = call_back(api, task, kie.callback(kie.last))
    assert answer.body["message"] == "Task completed successfully"
    assert Attempt.objects.get().upstream_id == kie.last.task_id
    attempt_ask(Attempt.objects.get().pk)
    task.refresh_from_db()
    assert (task.status, balance(user), kie.creates) == ("SUCCEEDED", 980, 1)


def test_a_lost_answer_is_not_found_by_the_id_of_another_task(
    kie: KieServer, engine: Engine, clip: Callable[[float], Path], api: Any
) -> None:
    other = started(make_user())
    theirs = kie.last
    kie.succeed(theirs, clip(1.0).read_bytes())
    kie.mode = "silent"
    task = started(make_user())
    answer = call_back(api, task, kie.callback(theirs))
    assert answer.body["message"] == "Callback received"
    assert (Attempt.objects.get(task=task).state, Attempt.objects.get(task=task).upstream_id) == ("sending", "")
    assert Attempt.objects.get(task=other).state == "running"


def test_a_callback_before_the_answer_counts(
    kie: KieServer, engine: Engine, clip: Callable[[float], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upstream is faster than its own answer to the create."""
    from generation.services.callback import callback_receive

    real = KieEngine.submit

    def submit(self: KieEngine, request: EngineRequest) -> str:
        upstream_id = real(self, request)
        kie.succeed(kie.last, clip(1.0).read_bytes())
        task = Task.objects.get(uuid=request.task_uuid)
        assert callback_receive(token=f"{task.uuid}.{task.callback_token}", hint_id=upstream_id).is_confirmed
        return upstream_id

    monkeypatch.setattr(KieEngine, "submit", submit)
    task = started(make_user())
    ask()
    task.refresh_from_db()
    assert (task.status, Attempt.objects.count(), kie.creates) == ("SUCCEEDED", 1, 1)


def test_the_signature_of_the_server_is_the_documented_one(kie: KieServer) -> None:
    assert kie.sign("kie-test-key", "task_demo_0001", "1760000000") == "gRvaM122FlU4QxttIMfD9cvJnvtbGYoKf38SdxkJy0Y="
