"""Users: people who sign in, make, pay and publish."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.hashers import identify_hasher
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

from accounts.hashers import DigestedPBKDF2Hasher, looks_digested
from config.kernel import clock


class UserManager(BaseUserManager["User"]):
    """Creates users for Django's own commands; the platform itself goes through `services.user`."""

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(username=username, **{"created_at": clock.now(), **fields})
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """One person under every contract. Contact e-mail and phone reserve nothing; `Identity` rows sign in."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    username = models.CharField(max_length=64)
    nickname = models.CharField(max_length=64, blank=True)
    email = models.EmailField(blank=True, help_text="Contact text; shown, not proven.")
    phone = models.CharField(max_length=16, blank=True, help_text="E.164 contact text; not proven.")
    region = models.CharField(max_length=8, default="CN")
    language = models.CharField(max_length=8, default="zh-CN")
    avatar_url = models.CharField(max_length=500, blank=True)
    bio = models.CharField(max_length=500, blank=True)
    is_staff = models.BooleanField(default=False, help_text="An operator: may enter the console.")
    is_active = models.BooleanField(default=True)
    is_demo = models.BooleanField(default=False)
    banned_at = models.DateTimeField(null=True, blank=True)
    deletion_requested_at = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    last_login_at = models.DateTimeField(null=True, blank=True)
    password_changed_at = models.DateTimeField(null=True, blank=True)
    profile_changed_at = models.DateTimeField(null=True, blank=True)

    last_login = None  # `last_login_at` is ours

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        constraints = (models.UniqueConstraint(Lower("username"), name="user_username_unique"),)
        indexes = (
            models.Index(fields=["deletion_requested_at"], name="user_deletion", condition=models.Q(deletion_requested_at__isnull=False)),
        )

    def __str__(self) -> str:
        return self.username

    def check_password(self, raw_password: str | None) -> bool:
        """Whether this is the password; the digest form never opens an operator's session or one with a second factor."""
        hasher = identify_hasher(self.password) if self.has_usable_password() else None
        if (
            raw_password is not None
            and isinstance(hasher, DigestedPBKDF2Hasher)
            and looks_digested(raw_password)
            and self.needs_plain_password
        ):
            return hasher.verify_plain(raw_password, self.password)
        return super().check_password(raw_password)

    @property
    def needs_plain_password(self) -> bool:
        """Whether only the password itself signs this user in, never its digest."""
        factor = getattr(self, "second_factor", None)
        return self.is_staff or self.is_superuser or (factor is not None and factor.confirmed_at is not None)
