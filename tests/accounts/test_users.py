"""Users: names, profile, deletion with its thirty days, erasure."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.exceptions import DeletionBlocked, PasswordWrong, UsernameTaken, UserNotFound
from accounts.models import ApiKey, ErasedIdentity, Event, Identity, Session, User, WebhookDelivery
from accounts.selectors.identity import is_returning
from accounts.selectors.invite import invite_code, invited_by
from accounts.selectors.user import user_by_name
from accounts.services.api_key import api_key_create
from accounts.services.authentication import principal_of
from accounts.services.password import password_sign_in
from accounts.services.sign_in import sign_in_by_identity
from accounts.services.user import user_delete_request, user_erase_due, user_update_profile, username_free
from accounts.services.webhook import delivery_create
from config import reactions
from config.kernel.errors import DomainError, InvalidInput, NotSignedIn
from tests.accounts.conftest import Person, opened

pytestmark = pytest.mark.django_db
PHONE = "+8613800138000"


def kinds(user: User) -> list[str]:
    return list(Event.objects.filter(user=user).order_by("number").values_list("kind", flat=True))


def test_is_born_with_its_event(person: Person) -> None:
    user = person("Newcomer", via="test")
    event = Event.objects.get(user=user)
    assert (event.number, event.kind) == (1, "user.created")
    assert event.payload == {"username": "Newcomer", "via": "test", "returning": False}


def test_names_are_unique_whatever_their_case(person: Person) -> None:
    person("Somebody")
    with pytest.raises(UsernameTaken):
        person("somebody")
    assert User.objects.count() == 1
    assert user_by_name("SOMEBODY") is not None
    assert username_free("someone") == "someone"
    assert username_free("SOMEBODY").startswith("SOMEBODY_")


def test_profile_changes_what_is_given_and_proves_nothing(person: Person) -> None:
    user = person("somebody", nickname="Some")
    changed = user_update_profile(user_id=user.pk, username="other", email="a@example.com", phone=PHONE, language="en")
    assert (changed.username, changed.nickname, changed.email, changed.language) == ("other", "Some", "a@example.com", "en")
    assert User.objects.get().username == "other"
    assert not Identity.objects.exists()


def test_changing_the_case_of_ones_own_name_is_fine(person: Person) -> None:
    assert user_update_profile(user_id=person("somebody").pk, username="SomeBody").username == "SomeBody"


@pytest.mark.parametrize(
    "changes",
    [
        {"username": "ab"},
        {"username": "taken"},
        {"language": "tlh"},
        {"avatar_url": "javascript:alert(1)"},
        {"avatar_url": "http://169.254.169.254/latest/meta-data"},
        {"avatar_url": "http://10.0.0.1/a.png"},
    ],
)
def test_bad_profile_changes_nothing(person: Person, changes: dict[str, str]) -> None:
    user = person("somebody")
    person("taken")
    before = User.objects.filter(pk=user.pk).values().get()
    with pytest.raises(DomainError):
        user_update_profile(user_id=user.pk, nickname="new", **changes)
    assert User.objects.filter(pk=user.pk).values().get() == before


def test_nobody_changes_what_is_not_theirs_to_change(person: Person) -> None:
    user = person()
    with pytest.raises(TypeError):
        user_update_profile(user_id=user.pk, is_staff=True)
    with pytest.raises(UserNotFound):
        user_update_profile(user_id=10**9, nickname="x")
    assert not User.objects.get().is_staff


class TestDeletion:
    @pytest.fixture
    def user(self, person: Person) -> User:
        return person("leaving", password="a password", proven=[("phone", PHONE)], email="a@example.com")

    def sign_in(self) -> Any:
        return sign_in_by_identity(kind="phone", subject=PHONE, wish="leaving")

    def test_signs_out_everywhere_once(self, user: User) -> None:
        tokens = opened(user)
        key = api_key_create(user_id=user.pk, name="mine").key
        for _ in range(2):
            user_delete_request(user_id=user.pk)
        assert kinds(user)[-1] == "user.deletion_requested"
        assert kinds(user).count("user.deletion_requested") == 1
        for token in (tokens.access_token, key):
            with pytest.raises(NotSignedIn):
                principal_of(access_token=token, api_key=None)

    def test_signing_in_within_thirty_days_restores(self, user: User, clock: Any) -> None:
        user_delete_request(user_id=user.pk)
        clock.advance(days=29, hours=23)
        assert user_erase_due() == 0
        found = self.sign_in()
        assert (found.user.pk, found.is_restored, found.is_new) == (user.pk, True, False)
        assert not self.sign_in().is_restored
        assert kinds(user)[-1] == "user.restored"
        clock.advance(days=2)
        assert user_erase_due() == 0
        assert opened(found.user).access_token

    def test_password_restores_too(self, user: User) -> None:
        user_delete_request(user_id=user.pk)
        with pytest.raises(PasswordWrong):
            password_sign_in(username="leaving", password="wrong password")
        assert User.objects.get().deletion_requested_at is not None
        assert password_sign_in(username="leaving", password="a password").is_restored

    def test_erasure_takes_the_person_and_leaves_the_books(self, user: User, clock: Any) -> None:
        opened(user)
        key = api_key_create(user_id=user.pk, name="my private name")
        delivery_create(user_id=user.pk, api_key_id=key.id, url="http://localhost:9/", event_kind="x", reference="r", body=b"private")
        user_delete_request(user_id=user.pk)
        clock.advance(days=30, seconds=1)
        assert user_erase_due() == 1
        assert user_erase_due() == 0
        row = User.objects.values().get()
        text = str(row)
        for trace in ("leaving", PHONE, "a@example.com"):
            assert trace not in text
        assert row["erased_at"] is not None
        assert not row["is_active"]
        assert not Identity.objects.exists()
        assert not Session.objects.exists()
        assert not WebhookDelivery.objects.exists()
        stored = ApiKey.objects.get()
        assert (stored.name, stored.webhook_secret) == ("", "")
        assert stored.revoked_at is not None
        assert set(map(str, Event.objects.filter(user=user).values_list("payload", flat=True))) == {"{}"}
        assert "user.erased" in kinds(user)
        assert ErasedIdentity.objects.count() == 1
        assert PHONE.encode() not in bytes(ErasedIdentity.objects.get().digest)

    def test_the_erased_come_back_as_new_users_without_the_gift(self, user: User, clock: Any) -> None:
        user_delete_request(user_id=user.pk)
        clock.advance(days=31)
        user_erase_due()
        found = self.sign_in()
        assert found.is_new
        assert found.user.pk != user.pk
        assert is_returning(found.user.pk)
        assert Event.objects.get(user=found.user, kind="user.created").payload["returning"] is True
        from credits.selectors.wallet import balance_of

        assert balance_of(found.user.pk).available == 0
        assert balance_of(user.pk).available == 0

    def test_signing_in_after_the_thirty_days_but_before_the_sweep_is_a_new_start(self, user: User, clock: Any) -> None:
        user_delete_request(user_id=user.pk)
        clock.advance(days=31)
        found = self.sign_in()
        assert found.is_new
        assert User.objects.get(pk=user.pk).erased_at is not None
        with pytest.raises(PasswordWrong):
            password_sign_in(username="leaving", password="wrong password")

    def test_the_password_opens_nothing_after_the_thirty_days(self, user: User, clock: Any) -> None:
        user_delete_request(user_id=user.pk)
        clock.advance(days=31)
        with pytest.raises(NotSignedIn):
            password_sign_in(username="leaving", password="a password")
        assert User.objects.get().deletion_requested_at is not None

    def test_blocked_while_a_dispute_is_open(self, user: User, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        tokens = opened(user)
        monkeypatch.setattr(reactions, "DELETION_BLOCKERS", (f"{__name__}.open_dispute",))
        with pytest.raises(DeletionBlocked, match="a dispute is open"):
            user_delete_request(user_id=user.pk)
        assert User.objects.get().deletion_requested_at is None
        assert principal_of(access_token=tokens.access_token, api_key=None).user_id == user.pk

    def test_a_dispute_that_comes_later_puts_the_erasure_off(self, user: User, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        user_delete_request(user_id=user.pk)
        clock.advance(days=31)
        monkeypatch.setattr(reactions, "DELETION_BLOCKERS", (f"{__name__}.open_dispute",))
        assert user_erase_due() == 0
        assert User.objects.get().erased_at is None
        monkeypatch.setattr(reactions, "DELETION_BLOCKERS", ())
        assert user_erase_due() == 1

    def test_one_that_fails_does_not_stop_the_others(self, user: User, person: Person, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        other = person()
        for one in (user, other):
            user_delete_request(user_id=one.pk)
        clock.advance(days=31)
        monkeypatch.setattr(reactions, "DELETION_BLOCKERS", (f"{__name__}.broken_for_the_first",))
        globals()["first_id"] = user.pk
        assert user_erase_due() == 1
        assert User.objects.get(pk=other.pk).erased_at is not None
        assert User.objects.get(pk=user.pk).erased_at is None


first_id = 0


def open_dispute(user_id: int) -> str | None:
    """A blocker of the tests."""
    return "a dispute is open"


def broken_for_the_first(user_id: int) -> str | None:
    """A blocker of the tests."""
    if user_id == first_id:
        raise RuntimeError("broken")
    return None


def test_invite_codes_lead_back_and_do_not_repeat() -> None:
    codes = [invite_code(number) for number in range(1, 2000)]
    assert len(set(codes)) == len(codes)
    assert [invited_by(code.lower()) for code in codes] == list(range(1, 2000))
    for wrong in ("", "ABC", "0000000", "ABCDEFG "):
        assert invited_by(wrong) is None or invited_by(wrong) not in range(1, 2000)


def test_invalid_input_names_the_field(person: Person) -> None:
    with pytest.raises(InvalidInput) as refusal:
        user_update_profile(user_id=person().pk, username="ab")
    assert refusal.value.errors[0].loc == ("body", "username")
