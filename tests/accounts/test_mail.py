"""Links by e-mail: prove an address, set a new password; once, for an hour, telling nobody who has an account."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail as outbox

from accounts import dispatch
from accounts.exceptions import IdentityTaken, LinkInvalid, PasswordWrong
from accounts.models import Identity, MailToken, User
from accounts.services.authentication import principal_of
from accounts.services.mail import mail_prove, mail_prove_request, mail_sweep, password_reset, password_reset_mail, password_reset_request
from accounts.services.password import password_sign_in
from config.kernel import clock as kernel_clock
from config.kernel.errors import CacheUnavailable, InvalidInput, NotSignedIn, TooManyRequests
from tests.accounts.conftest import Person, opened

pytestmark = pytest.mark.django_db


def link() -> Any:
    return urlsplit(re.search(r"http\S+", str(outbox.outbox[-1].body)).group())


def token() -> str:
    return parse_qs(link().query)["token"][0]


def test_proving_makes_the_address_an_identity(person: Person) -> None:
    user = person(email="old@example.com")
    mail_prove_request(user_id=user.pk, address="Me@Example.com")
    assert outbox.outbox[-1].to == ["me@example.com"]
    assert link().path == "/account/email/prove"
    assert not Identity.objects.exists()
    assert mail_prove(token=token()).pk == user.pk
    assert list(Identity.objects.values_list("user", "kind", "subject")) == [(user.pk, "email", "me@example.com")]
    assert User.objects.get().email == "me@example.com"
    with pytest.raises(LinkInvalid):
        mail_prove(token=token())


def test_only_who_asked_for_the_link_may_follow_it(person: Person) -> None:
    asker, other = person("asker"), person()
    mail_prove_request(user_id=asker.pk, address="me@example.com")
    assert "asker" in outbox.outbox[-1].body
    with pytest.raises(LinkInvalid):
        mail_prove(token=token(), user_id=other.pk)
    assert not Identity.objects.exists()
    assert mail_prove(token=token(), user_id=asker.pk) == asker


def test_changing_replaces_the_proven_address(person: Person) -> None:
    user = person(proven=[("email", "old@example.com")])
    mail_prove_request(user_id=user.pk, address="new@example.com")
    mail_prove(token=token())
    assert list(Identity.objects.values_list("subject", flat=True)) == ["new@example.com"]


def test_anothers_proven_address_stays_theirs(person: Person) -> None:
    owner, user = person(proven=[("email", "a@example.com")]), person()
    mail_prove_request(user_id=user.pk, address="a@example.com")
    with pytest.raises(IdentityTaken):
        mail_prove(token=token())
    assert Identity.objects.get().user == owner
    assert MailToken.objects.get().used_at is None


@pytest.mark.parametrize("text", ["", "x", "a@b", "a b@example.com", "a@example.com\nbcc: b@example.com"])
def test_no_address_no_mail(person: Person, text: str) -> None:
    user = person()
    with pytest.raises(InvalidInput):
        mail_prove_request(user_id=user.pk, address=text)
    with pytest.raises(InvalidInput):
        password_reset_request(address=text)
    assert outbox.outbox == []
    assert not MailToken.objects.exists()


def test_link_dies_after_an_hour_and_serves_one_purpose(person: Person) -> None:
    user = person(proven=[("email", "a@example.com")], password="old password")
    at = kernel_clock.real_now()
    mail_prove_request(user_id=user.pk, address="b@example.com", at=at)
    with pytest.raises(LinkInvalid):
        mail_prove(token=token(), at=at + dt.timedelta(hours=1))
    with pytest.raises(LinkInvalid):
        password_reset(token=token(), password="new password")
    with pytest.raises(LinkInvalid):
        mail_prove(token="")
    assert Identity.objects.get().subject == "a@example.com"


def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a worker would look up."""
    sent: list[str] = []

    def enqueue(address: str) -> bool:
        sent.append(address)
        return True

    monkeypatch.setattr(dispatch, "password_reset_mail", enqueue)
    return sent


def test_reset_request_is_the_same_for_everybody(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person(proven=[("email", "a@example.com")])
    sent = enqueued(monkeypatch)
    for address in ("A@example.com", "nobody@example.com"):
        password_reset_request(address=address)
    assert sent == ["a@example.com", "nobody@example.com"]
    assert outbox.outbox == []


def test_reset_request_beyond_the_limit_is_dropped_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = enqueued(monkeypatch)
    for _ in range(7):
        password_reset_request(address="a@example.com")
    assert len(sent) == 5


def test_reset_without_a_broker_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "password_reset_mail", lambda address: False)
    with pytest.raises(CacheUnavailable):
        password_reset_request(address="a@example.com")


def test_reset_mail_goes_to_proven_addresses_only(person: Person) -> None:
    person(email="contact@example.com")
    assert not password_reset_mail(address="contact@example.com")
    assert not password_reset_mail(address="nobody@example.com")
    assert outbox.outbox == []


def test_reset_sets_the_password_signs_out_and_spends_every_link(person: Person) -> None:
    user = person("somebody", proven=[("email", "a@example.com")], password="old password")
    session = opened(user)
    assert password_reset_mail(address="a@example.com")
    first = token()
    assert password_reset_mail(address="a@example.com")
    assert link().path == "/account/password/reset"
    with pytest.raises(InvalidInput):
        password_reset(token=token(), password="short")
    assert password_reset(token=token(), password="new password").pk == user.pk
    assert password_sign_in(username="somebody", password="new password").user == user
    with pytest.raises(PasswordWrong):
        password_sign_in(username="somebody", password="old password")
    with pytest.raises(NotSignedIn):
        principal_of(access_token=session.access_token, api_key=None)
    for spent in (first, token()):
        with pytest.raises(LinkInvalid):
            password_reset(token=spent, password="another password")


def test_proof_requests_are_limited(person: Person) -> None:
    user = person()
    for _ in range(5):
        mail_prove_request(user_id=user.pk, address="a@example.com")
    with pytest.raises(TooManyRequests):
        mail_prove_request(user_id=user.pk, address="a@example.com")
    assert len(outbox.outbox) == 5


def test_token_is_stored_as_a_digest_only_and_swept(person: Person) -> None:
    mail_prove_request(user_id=person().pk, address="a@example.com", at=kernel_clock.real_now() - dt.timedelta(days=2))
    assert token().encode() not in bytes(MailToken.objects.get().digest)
    assert mail_sweep() == 1
