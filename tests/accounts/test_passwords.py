"""Passwords: both spellings of the documents, never an operator by digest, no bare MD5 anywhere."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password, make_password

from accounts.exceptions import PasswordWrong, SecondFactorWrong, UserBanned, UsernameTaken
from accounts.models import Identity, User
from accounts.services.password import password_register, password_set, password_sign_in
from accounts.services.second_factor import STEP_S, second_factor_check, second_factor_confirm, second_factor_start, totp_code
from accounts.services.user import user_ban
from config.kernel import clock as kernel_clock
from config.kernel.errors import InvalidInput, NotSignedIn, TooManyRequests
from tests.accounts.conftest import NOW, Person, opened

PASSWORD = "correct horse"
MD5 = hashlib.md5(PASSWORD.encode()).hexdigest()


@pytest.mark.parametrize("spelling", [PASSWORD, MD5, MD5.upper()])
def test_both_spellings_fit(spelling: str) -> None:
    assert check_password(spelling, make_password(PASSWORD))


@pytest.mark.parametrize("wrong", ["", "correct horsf", hashlib.md5(b"other").hexdigest(), hashlib.md5(MD5.encode()).hexdigest() + "0"])
def test_others_do_not(wrong: str) -> None:
    assert not check_password(wrong, make_password(PASSWORD))


def test_a_password_of_32_hex_digits_fits_as_it_is() -> None:
    assert check_password(MD5, make_password(MD5))


def test_neither_the_password_nor_its_md5_is_stored() -> None:
    stored = make_password(PASSWORD)
    assert stored.startswith("pbkdf2_sha256_digested$")
    assert MD5 not in stored
    assert make_password(PASSWORD) != stored


def test_setting_turns_the_digest_form_off(settings: Any) -> None:
    settings.PASSWORD_DIGEST_SIGN_IN = False
    stored = make_password(PASSWORD)
    assert check_password(PASSWORD, stored)
    assert not check_password(MD5, stored)


@pytest.mark.django_db
class TestSignIn:
    def test_register_then_sign_in_by_name_in_any_case(self) -> None:
        user = password_register(username="Ümit-Ö", email="A@Example.com", password=PASSWORD)
        assert user.email == "a@example.com"
        assert not Identity.objects.filter(user=user).exists()
        assert password_sign_in(username="ümit-ö", password=PASSWORD).user == user

    @pytest.mark.parametrize(
        "changes",
        [
            {"username": "ab"},
            {"username": "x" * 51},
            {"username": "a\nbc"},
            {"username": "a\x00bc"},
            {"username": "   "},
            {"password": "1234567"},
            {"password": "x" * 129},
            {"username": "same-as-password", "password": "Same-as-Password"},
            {"email": "no address"},
        ],
    )
    def test_refuses_bad_input_and_makes_nobody(self, changes: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput):
            password_register(**{"username": "somebody", "email": "", "password": PASSWORD, **changes})
        assert not User.objects.exists()

    def test_taken_name_is_refused_whatever_its_case(self, person: Person) -> None:
        person("Somebody")
        with pytest.raises(UsernameTaken):
            password_register(username="sOMEBODY", email="", password=PASSWORD)
        assert User.objects.count() == 1

    def test_wrong_password_and_unknown_name_look_alike(self, person: Person) -> None:
        person("somebody", password=PASSWORD)
        for name in ("somebody", "nobody"):
            with pytest.raises(PasswordWrong):
                password_sign_in(username=name, password="wrong password")

    def test_user_without_password_is_nobody(self, person: Person) -> None:
        person("somebody")
        with pytest.raises(PasswordWrong):
            password_sign_in(username="somebody", password="")

    def test_contact_email_signs_nobody_in_a_proven_one_does(self, person: Person) -> None:
        user = person("somebody", password=PASSWORD, email="me@example.com")
        with pytest.raises(PasswordWrong):
            password_sign_in(username="me@example.com", password=PASSWORD)
        Identity.objects.create(user=user, kind="email", subject="me@example.com", verified_at=NOW)
        assert password_sign_in(username="Me@Example.com", password=PASSWORD).user == user

    def test_a_name_like_an_address_does_not_lock_its_owner_out(self, person: Person) -> None:
        owner = person("owner", password=PASSWORD, proven=[("email", "me@example.com")])
        person("me@example.com", password="another password")
        assert password_sign_in(username="me@example.com", password=PASSWORD).user == owner

    def test_banned_user_is_told_only_with_the_right_password(self, person: Person) -> None:
        user = person("somebody", password=PASSWORD)
        user_ban(user_id=user.pk, banned=True)
        with pytest.raises(UserBanned):
            password_sign_in(username="somebody", password=PASSWORD)
        with pytest.raises(PasswordWrong):
            password_sign_in(username="somebody", password="wrong password")

    def test_digest_never_opens_an_operators_session(self, person: Person) -> None:
        person("operator", password=PASSWORD, is_staff=True)
        with pytest.raises(PasswordWrong):
            password_sign_in(username="operator", password=MD5)
        assert password_sign_in(username="operator", password=PASSWORD).user.is_staff

    def test_guessing_is_slowed_down_and_a_success_forgets(self, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("accounts.services.password.TRIES", 3)
        person("somebody", password=PASSWORD)
        for _ in range(2):
            with pytest.raises(PasswordWrong):
                password_sign_in(username="somebody", password="wrong password")
        password_sign_in(username="somebody", password=PASSWORD)
        for _ in range(3):
            with pytest.raises(PasswordWrong):
                password_sign_in(username="SOMEBODY", password="wrong password")
        with pytest.raises(TooManyRequests):
            password_sign_in(username="somebody", password=PASSWORD)

    def test_new_password_signs_out_everywhere_else(self, person: Person) -> None:
        from accounts.services.authentication import principal_of

        user = person("somebody", password=PASSWORD)
        kept, other = opened(user), opened(user)
        password_set(user_id=user.pk, password="a new password", keep=kept.session_id)
        assert principal_of(access_token=kept.access_token, api_key=None).user_id == user.pk
        with pytest.raises(NotSignedIn):
            principal_of(access_token=other.access_token, api_key=None)
        with pytest.raises(PasswordWrong):
            password_sign_in(username="somebody", password=PASSWORD)


def test_totp_matches_the_standards_vectors() -> None:
    """RFC 6238 appendix B (SHA-1), the last six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert totp_code(secret, seconds // STEP_S) == code


@pytest.mark.django_db
class TestSecondFactor:
    @pytest.fixture
    def user(self, person: Person) -> User:
        return person("careful", password=PASSWORD)

    @staticmethod
    def code(secret: str, steps: int = 0) -> str:
        return totp_code(secret, int(kernel_clock.real_now().timestamp()) // STEP_S + steps)

    def test_unconfirmed_asks_for_nothing(self, user: User) -> None:
        second_factor_start(user=user)
        assert not password_sign_in(username="careful", password=PASSWORD).second_factor

    def test_confirmed_is_asked_for_and_turns_the_digest_form_off(self, user: User) -> None:
        secret, address = second_factor_start(user=user)
        assert secret in address
        assert not second_factor_confirm(user_id=user.pk, code="000000" if self.code(secret) != "000000" else "000001")
        assert second_factor_confirm(user_id=user.pk, code=self.code(secret, -1))
        for otp in (None, "", "12345", self.code(secret, -1)):
            with pytest.raises(SecondFactorWrong):
                password_sign_in(username="careful", password=PASSWORD, otp=otp)
        with pytest.raises(PasswordWrong):
            password_sign_in(username="careful", password=MD5, otp=self.code(secret))
        assert password_sign_in(username="careful", password=PASSWORD, otp=self.code(secret)).second_factor

    def test_a_code_counts_once(self, user: User) -> None:
        secret, _ = second_factor_start(user=user)
        second_factor_confirm(user_id=user.pk, code=self.code(secret, -1))
        code = self.code(secret, 1)
        assert second_factor_check(user_id=user.pk, code=code)
        assert not second_factor_check(user_id=user.pk, code=code)
        assert not second_factor_check(user_id=user.pk, code=self.code(secret))

    def test_a_standing_one_is_not_replaced(self, user: User) -> None:
        secret, _ = second_factor_start(user=user)
        second_factor_confirm(user_id=user.pk, code=self.code(secret))
        with pytest.raises(ValueError):
            second_factor_start(user=user)

    def test_secret_is_sealed_in_the_database(self, user: User) -> None:
        from django.db import connection

        secret, _ = second_factor_start(user=user)
        with connection.cursor() as cursor:
            cursor.execute("select secret from accounts_secondfactor")
            (stored,) = cursor.fetchone()
        assert secret not in stored
