"""What clients send: orders and questions (002 §8.4), answered on `/user/queue/reply` to the connection that asked. Synchronous.

Every SEND proves its sender anew, as every request of REST does. `/app/generate` takes the body of the REST call with `type`, and a
header `idempotency-key` with the meaning that it has there; `clientId` comes back with the answer, a refusal included.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import override

from accounts.realtime.callers import Proof, caller_of
from accounts.realtime.stomp.messages import failure, standing
from config.contracts.idempotency import kept_once, key_judged, name_under
from config.contracts.shared_v1.views import object_in
from config.contracts.stargraph.errors import code_and_words
from config.contracts.stargraph.views import WRITES_A_MINUTE
from config.kernel import limits
from config.kernel.errors import DatabaseUnavailable, DomainError, InvalidInput, NotAllowed, SystemFailure, TooManyRequests
from config.kernel.principal import Principal
from config.kernel.sql import domain_errors
from generation.api.stargraph.inputs import CLIENT_MAX
from generation.api.stargraph.orders import FORMS, order
from generation.api.stargraph.words import TYPES
from generation.services.task_create import IdempotencyKey

logger = logging.getLogger(__name__)
GENERATE, STATUS = "/app/generate", "/app/task/status"
KINDS = {TYPES[kind]: kind for kind in FORMS}
NAME_MAX = 80


@dataclass(frozen=True, slots=True)
class Sent:
    """A SEND frame: who says to be who, where it goes, the client's key, its body."""

    authorization: str
    proof: Proof
    destination: str
    key: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told; `is_replayed`: it is the first answer to the same order again."""

    body: bytes
    is_replayed: bool = False


def sent_of(authorization: str, proof: Proof, headers: Mapping[str, str], body: bytes) -> Sent:
    """The frame with these headers, as a client of that authorization sent it."""
    key = next((value for name, value in headers.items() if name.lower() == "idempotency-key"), None)
    return Sent(authorization, proof, headers["destination"], key, body)


def answered(sent: Sent) -> Answer:
    """The answer to what was sent to one of SENDS; refusals are answers too.

    Raises NotSignedIn, TokenExpired, UserBanned, NotAllowed when the sender proves nothing any more; then nothing was done.
    """
    with override("zh-hans"):
        try:
            limits.take("socket-send", str(sent.proof.user_id), settings.REALTIME_USER_SENDS_A_MINUTE, 60)
            with domain_errors():
                principal = caller_of({"authorization": sent.authorization}).principal
        except (TooManyRequests, DatabaseUnavailable) as error:
            return _refusal(sent, error)
        return _obeyed(principal, sent)


def _obeyed(principal: Principal, sent: Sent) -> Answer:
    try:
        with domain_errors():
            return SENDS[sent.destination](principal, sent)
    except DomainError as error:
        return _refusal(sent, error)
    except Exception:
        logger.exception("what was sent to %s was not answered by our own fault", sent.destination)
        return _refusal(sent, SystemFailure())


def _status(principal: Principal, sent: Sent) -> Answer:
    name = object_in(sent.body).get("taskId")
    if not isinstance(name, str) or not 0 < len(name) <= NAME_MAX:
        raise InvalidInput.field("taskId", f"应为 1 到 {NAME_MAX} 个字符")
    return Answer(orjson.dumps(standing(user_id=principal.user_id, name=name)))


def _generate(principal: Principal, sent: Sent) -> Answer:
    """The order, once for each `idempotency-key`: without one nothing is guessed."""
    if principal.scopes is not None and "generation" not in principal.scopes:
        raise NotAllowed()
    limits.take("v1-stargraph-write", str(principal.user_id), WRITES_A_MINUTE, 60)
    key = key_judged(sent.key)
    if key is None:
        return Answer(_ordered(principal, sent.body, None).content)
    asked = hashlib.sha256(f"SEND {sent.destination}\n".encode() + sent.body).digest()
    of_task = IdempotencyKey(name_under(key, "stargraph-task"), asked)
    response = kept_once(principal.user_id, key, asked, lambda: _ordered(principal, sent.body, of_task))
    return Answer(response.content, "Idempotent-Replayed" in response)


def _ordered(principal: Principal, body: bytes, key: IdempotencyKey | None) -> HttpResponse:
    asked = object_in(body)
    type = asked.get("type")
    if not isinstance(type, str) or type not in KINDS:
        raise InvalidInput.field("type", f"应为 {', '.join(KINDS)} 之一")
    made = order(principal=principal, kind=KINDS[type], body=asked, idempotency=key)
    return HttpResponse(orjson.dumps({"type": "reply", **made}))


SENDS: dict[str, Callable[[Principal, Sent], Answer]] = {GENERATE: _generate, STATUS: _status}


def _refusal(sent: Sent, error: DomainError) -> Answer:
    """The document's error message, with the task or the client's own id that the question named."""
    code, words = code_and_words(error)
    asked = _asked(sent.body)
    body = failure(_short(asked.get("taskId"), NAME_MAX), str(code), words)
    client = _short(asked.get("clientId"), CLIENT_MAX)
    return Answer(orjson.dumps({**body, "clientId": client} if client else body))


def _asked(body: bytes) -> dict[str, Any]:
    try:
        return object_in(body)
    except InvalidInput:
        return {}


def _short(text: Any, most: int) -> str:
    """`text` if it may be said back, else nothing."""
    return text if isinstance(text, str) and len(text) <= most else ""
