"""What can go wrong with users, sign-ins, keys and webhooks."""

from config.kernel.errors import DomainError


class UserNotFound(DomainError):
    """User not found."""

    code = "user_not_found"


class UserBanned(DomainError):
    """This account is banned."""

    code = "user_banned"


class UsernameTaken(DomainError):
    """This user name is taken."""

    code = "username_taken"


class IdentityTaken(DomainError):
    """This address or account already belongs to another user."""

    code = "identity_taken"


class PasswordWrong(DomainError):
    """The user name or the password is wrong."""

    code = "password_wrong"


class SecondFactorWrong(DomainError):
    """The one-time password of the second factor is missing or wrong."""

    code = "second_factor_wrong"


class CodeWrong(DomainError):
    """The verification code is wrong or has expired."""

    code = "code_wrong"


class LinkInvalid(DomainError):
    """This link is not valid any more; ask for a new one."""

    code = "link_invalid"


class DeletionBlocked(DomainError):
    """The account cannot be deleted yet: {reason}"""

    code = "deletion_blocked"


class IdempotencyConflict(DomainError):
    """This Idempotency-Key was used for another request."""

    code = "idempotency_conflict"


class IdempotencyRunning(DomainError):
    """The first request under this Idempotency-Key still runs; try again in {retry_after_s} seconds."""

    code = "idempotency_running"
    retryable = True


class SignInUnavailable(DomainError):
    """{service} does not answer; try again in a moment."""

    code = "sign_in_unavailable"
    retryable = True
