"""`manage.py create_operator`: an operator with a password and a second factor, both told once."""

from __future__ import annotations

import getpass
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import SecondFactor, User
from accounts.selectors.user import user_by_name
from accounts.services.password import password_clean
from accounts.services.second_factor import second_factor_start
from accounts.services.user import user_create
from config.kernel import clock
from config.kernel.errors import DomainError


class Command(BaseCommand):
    help = "Make an operator, or renew the second factor of one (OPERATOR_PASSWORD or a prompt gives the password of a new one)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *_args: Any, username: str, **_options: Any) -> None:
        try:
            with transaction.atomic():
                self.stdout.write(f"Second factor, shown once: {self._address(username)}")
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _address(self, username: str) -> str:
        user = user_by_name(username) or self._made(username)
        if not user.is_staff:
            raise CommandError(f"{username} is a user and no operator")
        SecondFactor.objects.filter(user=user).delete()
        _, address = second_factor_start(user=user)
        SecondFactor.objects.filter(user=user).update(confirmed_at=clock.real_now())
        return address

    def _made(self, username: str) -> User:
        password = os.environ.get("OPERATOR_PASSWORD") or getpass.getpass("Password of the new operator: ")
        return user_create(username=username, password=password_clean(password, username=username), is_staff=True, via="console")
