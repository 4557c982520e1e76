"""What is refused before it costs anything, who refuses it, and what operators learn of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection

from accounts.models import Session, User
from accounts.services.api_key import api_key_create
from accounts.services.session import session_open
from config.kernel import clock, outbound
from generation.exceptions import ModerationUnavailable, SensitiveContent
from generation.models import Engine, ModerationHit, Task
from generation.moderators import outside
from generation.moderators.words import Words
from generation.services.erasure import user_erased
from generation.services.retry import task_retry
from generation.services.sweep import sweep_slowly
from tests.conftest import UserFactory
from tests.contracts.people import signed_in
from tests.contracts.video.client import VideoClient
from tests.generation.life.conftest import balance, events, held, make_task, make_user, principal_of
from tests.generation.life.moderator_server import ModeratorServer

CLEAN: tuple[int, int, int, list[str]] = (1_000, 0, 0, [])
"""Everything that may move when an order is refused: nothing did."""


IMPATIENT_S = 0.5
"""How long a moderator is waited for that is slow on purpose; any other has the time that a busy machine needs."""


@pytest.fixture
def moderator(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModeratorServer]:
    """A moderator next door, asked by every order."""
    monkeypatch.setattr(outside, "SILENCE_S", 600)
    server = ModeratorServer()
    settings.DEMO, settings.MODERATION_URL, settings.MODERATION_API_KEY = True, server.url, "sk-moderator-secret"
    settings.MODERATION_TIMEOUT_S = 30
    forgive()
    yield server
    server.close()
    forgive()


def forgive() -> None:
    """The moderator is asked again at once, however silent it was."""
    outside._silent_until = 0.0


def moved(user: User) -> tuple[int, int, int, list[str]]:
    return balance(user), held(user), Task.objects.filter(user=user).count(), events(user)


def hits(user: User) -> list[tuple[str, str, str, str]]:
    return list(ModerationHit.objects.filter(user=user).order_by("pk").values_list("verdict", "moderator", "category", "field"))


def refused(**texts: str) -> str:
    """The word that is found in the texts, "" if they may be made."""
    finding = Words().judge(texts)
    return finding.category if finding else ""


# words


@pytest.mark.parametrize(
    "prompt",
    [
        "a fox [[sensitive]]", "[[sensitive]]  ", "Child  PORN please", "画 儿童色情 图", "csam", "画csam图", "ｃｈｉｌｄ　ｐｏｒｎ",
        "c\u200bs\u00ada\u2060m", "c s a m", "c.s-a_m", "C*S*A*M now", "c h i l d p o r n", "child_porn", "child-porn", "childporn",
        "child\nporn", "chíld pörn", "儿 童 色 情", "儿*童\u200b色.情", "兒童色情", "𝐜𝐬𝐚𝐦", "児童ポルノ", "아동포르노", "ch\u0336ild porn",
        "сhild роrn", "chιld pοrn", "ᴄʜɪʟᴅ ᴘᴏʀɴ", "🅲🆂🅰🅼", "ch1ld p0rn", "1olicon", "cs@m", "$hotacon", "chi\u20ddld po\u20e3rn",
        "chi\u0483ld po\ufe20rn", "chiłd porn", "a c s a m", "the c h i l d p o r n",
    ],
)  # fmt: skip
def test_refuses(prompt: str, settings: Any) -> None:
    settings.DEMO = True
    assert refused(prompt=prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "", "a fox", "[[sensitive]] as a word in the middle", "a child on a porch", "webcsamx", "[[fail]]", "A B C of animals, a 3 d print",
        "p o r c e l a i n", "c s a m p l e", "u n i c s a m", "a. c. s. a. m. e. of letters", "Сэм на дворе", "儿童节的情景", "a child, sexy cars of the sixties", "\u200b\u200b", "é" * 5_000, "\ud800",
    ],
)  # fmt: skip
def test_lets_pass(prompt: str, settings: Any) -> None:
    settings.DEMO = True
    assert refused(prompt=prompt) == ""


def test_the_directive_means_nothing_outside_demo_mode(settings: Any) -> None:
    settings.DEMO = False
    assert refused(prompt="a fox [[sensitive]]") == ""


def test_an_installation_adds_its_own_words(settings: Any) -> None:
    assert refused(prompt="a Heron") == ""
    settings.SENSITIVE_WORDS = ["blue  Héron!", "heron", "苍鹭", "***"]
    assert [refused(prompt=text) for text in ("a Heron", "herons", "BLUE-HERON", "一只苍 鹭", "*** a fox")] == [
        "heron", "", "blue heron", "苍鹭", "",
    ]  # fmt: skip


def test_an_installations_words_are_found_by_their_looks_and_not_in_other_words(settings: Any) -> None:
    settings.SENSITIVE_WORDS = ["ass", "порно", "сор", "covid19"]
    texts = ("a s s", "poрнo порнo", "a Galaxy A55, p a s s i o n, assassin", "covid19", "a cop", "сор", "aѕѕ")
    assert [refused(prompt=text) for text in texts] == ["ass", "пopho", "", "covid19", "", "сор", "ass"]


def test_what_is_not_wanted_may_be_named_but_for_the_shipped_words(settings: Any) -> None:
    settings.DEMO, settings.SENSITIVE_WORDS = True, ["blood"]
    assert refused(negative_prompt="blood, low quality, nude [[sensitive]]") == ""
    assert refused(prompt="a fox", negative_prompt="c s a m") == "csam"


def test_a_long_prompt_is_judged_in_milliseconds() -> None:
    began = time.thread_time()  # its own work, whatever else the machine does
    assert refused(prompt="a b c d e f é 儿童 " * 1_000) == ""
    assert refused(prompt="child " * 2_000) == ""
    assert time.thread_time() - began < 1


# what is refused moves nothing and is recorded


@pytest.mark.django_db
def test_a_refused_prompt_moves_nothing_and_is_recorded(stub: Engine) -> None:
    user = make_user()
    with pytest.raises(SensitiveContent):
        make_task(user, "a Child Porn " + "x" * 400)
    assert moved(user) == CLEAN
    hit = ModerationHit.objects.get()
    assert (hit.user_id, hit.verdict, hit.moderator, hit.category) == (user.pk, "refused", "words", "child porn")
    assert (hit.kind, hit.field, len(hit.excerpt)) == ("text-to-video", "prompt", 300)


@pytest.mark.django_db
def test_a_prompt_that_may_be_made_leaves_no_trace(stub: Engine) -> None:
    make_task(make_user())
    assert not ModerationHit.objects.exists()


@pytest.mark.django_db
def test_a_retry_is_judged_anew(stub: Engine, settings: Any) -> None:
    user = make_user()
    task = make_task(user, "a heron")
    Task.objects.filter(pk=task.pk).update(status="FAILED")
    before = moved(user)
    settings.SENSITIVE_WORDS = ["heron"]
    with pytest.raises(SensitiveContent):
        task_retry(principal=principal_of(user), task_uuid=task.uuid)
    assert moved(user) == before
    assert hits(user) == [("refused", "words", "heron", "prompt")]


@pytest.mark.django_db
def test_hits_go_with_their_writer(stub: Engine) -> None:
    user, other = make_user(), make_user()
    for someone in (user, other):
        with pytest.raises(SensitiveContent):
            make_task(someone, "csam")
    user_erased(user.pk, 1, {})
    assert (hits(user), len(hits(other))) == ([], 1)


@pytest.mark.django_db
def test_hits_are_kept_for_half_a_year(stub: Engine, clock: Any) -> None:
    user = make_user()
    for days in (100, 90):
        with pytest.raises(SensitiveContent):
            make_task(user, "csam")
        clock.advance(days=days)
    sweep_slowly()
    assert len(hits(user)) == 1


def at_the_door(user: User) -> Any:
    """A client of `video` that shows the user's session and key: the door that proves its caller and creates in one statement."""
    session = session_open(user=user, form="body", access_life_s=3_600, refresh_life_s=3_600)
    key = api_key_create(user_id=user.pk, name="test", scopes=["generation", "tasks"])
    return VideoClient(session.access_token, key.key)


def test_a_hit_stays_when_the_request_that_it_refused_is_over(
    committed_db: Any, busy: Engine, user_factory: UserFactory, settings: Any
) -> None:
    """Through a door, as clients come: what is recorded is committed before the refusal leaves."""
    settings.DEMO, settings.RATE_LIMITS = True, False
    assert not configured.DATABASES["default"].get("ATOMIC_REQUESTS")
    user = user_factory(bonus=100)
    answer = at_the_door(user).post("/api/videos/text-to-video", {"prompt": "a fox [[sensitive]]"})
    assert answer.status_code == 400
    connection.close()  # whatever was not committed is gone
    assert hits(user) == [("refused", "words", "[[sensitive]]", "prompt")]
    assert not Task.objects.exists()


@pytest.mark.django_db
def test_nothing_is_recorded_of_whoever_only_claims_to_be_somebody(
    stub: Engine, user_factory: UserFactory, settings: Any, moderator: ModeratorServer
) -> None:
    settings.RATE_LIMITS = False
    user = user_factory(bonus=100)
    client = at_the_door(user)
    prompts = ("a fox [[sensitive]]", "a fox")
    assert [client.post("/api/videos/text-to-video", {"prompt": prompt}).status_code for prompt in prompts] == [400, 200]
    assert (len(hits(user)), len(moderator.asked)) == (1, 1)
    Session.objects.filter(user=user).update(revoked_at=clock.real_now())
    assert [client.post("/api/videos/text-to-video", {"prompt": prompt}).status_code for prompt in prompts] == [401, 401]
    assert (len(hits(user)), len(moderator.asked)) == (1, 1)


# the moderator outside


@pytest.mark.django_db
def test_the_moderator_outside_is_asked_in_its_protocol(stub: Engine, moderator: ModeratorServer, settings: Any) -> None:
    user = make_user()
    make_task(user, " a fox ", negative_prompt="gore")
    headers, body = moderator.asked[0]
    assert body == {"model": settings.MODERATION_MODEL, "input": "a fox"}
    assert (headers["authorization"], headers["content-type"]) == ("Bearer sk-moderator-secret", "application/json")
    assert hits(user) == []


@pytest.mark.django_db
def test_it_may_stand_on_the_installations_own_network(stub: Engine, moderator: ModeratorServer, settings: Any) -> None:
    settings.DEMO = False  # no loopback for what users hand in
    with pytest.raises(SensitiveContent):
        make_task(make_user(), "gore")
    assert len(moderator.asked) == 1


@pytest.mark.django_db
def test_what_it_flags_is_refused_and_recorded_with_its_categories(stub: Engine, moderator: ModeratorServer) -> None:
    user = make_user()
    with pytest.raises(SensitiveContent):
        make_task(user, "much gore")
    assert moved(user) == CLEAN
    assert hits(user) == [("refused", "outside", "violence, violence/graphic", "prompt")]


@pytest.mark.django_db
def test_the_words_judge_first_and_spare_the_call(stub: Engine, moderator: ModeratorServer) -> None:
    with pytest.raises(SensitiveContent):
        make_task(make_user(), "csam")
    assert moderator.asked == []


SILENCES = {
    "slow": "it took too long", "trickle": "it took too long", "broken": "no verdict", "empty": "no verdict", "odd": "no verdict",
    "list": "no verdict", "huge": "no verdict", 500: "it answered 500", 401: "it answered 401", 429: "it answered 429", 302: "it answered 302",
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("mode", SILENCES)
def test_a_silent_moderator_lets_pass_and_it_is_noted(stub: Engine, moderator: ModeratorServer, settings: Any, mode: str | int) -> None:
    user, moderator.mode = make_user(), mode
    if mode in ("slow", "trickle"):
        settings.MODERATION_TIMEOUT_S = IMPATIENT_S
    began = time.monotonic()
    assert make_task(user, "gore").status == "PENDING"
    assert time.monotonic() - began < 9, "the slow ones end after ten seconds"
    (verdict, name, reason, field) = hits(user)[0]
    assert (verdict, name, field) == ("unjudged", "outside", "prompt")
    assert SILENCES[mode] in reason


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["slow", "broken", 500])
def test_where_it_is_required_its_silence_refuses(stub: Engine, moderator: ModeratorServer, settings: Any, mode: str | int) -> None:
    user, moderator.mode, settings.MODERATION_REQUIRED = make_user(), mode, True
    if mode == "slow":
        settings.MODERATION_TIMEOUT_S = IMPATIENT_S
    with pytest.raises(ModerationUnavailable):
        make_task(user, "a fox")
    assert moved(user) == CLEAN
    assert [row[0] for row in hits(user)] == ["unavailable"]


@pytest.mark.django_db
def test_one_silence_does_not_hold_up_the_next_order(
    stub: Engine, moderator: ModeratorServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    real = outbound.post

    def counted(url: str, *args: Any, **more: Any) -> Any:
        calls.append(url)
        return real(url, *args, **more)

    monkeypatch.setattr(outbound, "post", counted)
    user, moderator.mode, settings.MODERATION_TIMEOUT_S = make_user(), "slow", IMPATIENT_S
    make_task(user)
    make_task(user)
    assert len(calls) == 1
    forgive()
    moderator.mode, settings.MODERATION_TIMEOUT_S = "verdict", 30
    make_task(user)
    assert len(calls) == 2


@pytest.mark.django_db
def test_a_moderator_that_is_gone_is_silent(stub: Engine, moderator: ModeratorServer) -> None:
    moderator.close()
    user = make_user()
    make_task(user)
    assert hits(user)[0][0] == "unjudged"


@pytest.mark.django_db
def test_the_key_of_the_moderator_stands_in_no_log_and_no_row(stub: Engine, moderator: ModeratorServer, caplog: Any) -> None:
    user, moderator.mode = make_user(), 401
    make_task(user, "a private wish")
    assert "verdict" in caplog.text
    assert "sk-moderator-secret" not in caplog.text + str(hits(user))
    assert "private wish" not in caplog.text


def test_it_is_asked_outside_every_transaction(committed_db: Any, busy: Engine, moderator: ModeratorServer, monkeypatch: Any) -> None:
    seen: list[bool] = []
    real = outbound.post

    def watched(*args: Any, **more: Any) -> Any:
        seen.append(connection.in_atomic_block)
        return real(*args, **more)

    monkeypatch.setattr(outbound, "post", watched)
    make_task(make_user(), "a fox")
    with pytest.raises(SensitiveContent):
        make_task(make_user(), "gore")
    assert seen == [False, False]


# every door


STARGRAPH = {"prompt": "a fox", "width": 64, "height": 64, "steps": 1}


def doors(user: User) -> dict[str, Callable[[str], Any]]:
    """How each contract that creates tasks is asked for one."""
    video, stargraph = at_the_door(user), signed_in(user, "stargraph").client
    return {
        "video": lambda prompt: video.post("/api/videos/text-to-video", {"prompt": prompt}),
        "stargraph": lambda prompt: stargraph.post("/api/v1/generate/text2img", {**STARGRAPH, "prompt": prompt}),
    }


@pytest.mark.django_db
@pytest.mark.parametrize(("contract", "code"), [("video", None), ("stargraph", "E006")])
def test_every_contract_refuses_in_its_words_and_debits_nothing(
    stub: Engine, moderator: ModeratorServer, settings: Any, contract: str, code: str | None
) -> None:
    settings.RATE_LIMITS = False
    user = make_user()
    order = doors(user)[contract]
    for prompt in ("c-s-a-m", "gore"):
        answer = order(prompt)
        assert (answer.status_code, answer.data.get("code")) == (400, code)
    assert moved(user) == CLEAN
    assert [row[1] for row in hits(user)] == ["words", "outside"]
    settings.MODERATION_REQUIRED, moderator.mode, settings.MODERATION_TIMEOUT_S = True, "slow", IMPATIENT_S
    answer = order("a fox")
    assert (answer.status_code, bool(answer["Retry-After"])) == (503, True)
    assert moved(user) == CLEAN
    settings.MODERATION_REQUIRED = False
    assert order("a fox").status_code == 200
