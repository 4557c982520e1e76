"""Signing in through an outside provider."""

from __future__ import annotations

from accounts.exceptions import SignInUnavailable
from accounts.models import Identity
from accounts.outside import registry
from accounts.outside.base import CodeRefused, OutsideIdentity, Unreachable
from accounts.services.redirect import POPUP, redirect_judge
from accounts.services.sign_in import SignIn, sign_in_by_identity
from accounts.services.user import NAME_MAX
from config.kernel.errors import NotSignedIn


def google_sign_in(*, code: str, redirect_uri: str | None = None, code_verifier: str = "") -> SignIn:
    """The person whom Google's one-time code stands for is signed in: by their Google id, else linked by an e-mail
    that Google vouches for and a user here has proven, else as a new user.

    The exchange happens before any transaction. Raises InvalidInput (a redirect address that is not allowed),
    NotConfigured, NotSignedIn (a wrong code), SignInUnavailable, UserBanned.
    """
    address = redirect_uri or POPUP
    if address != POPUP:
        redirect_judge(address, field="redirect_uri")
    try:
        found = registry.google(code).exchange(code=code, redirect_uri=address, code_verifier=code_verifier)
    except CodeRefused as error:
        raise NotSignedIn() from error
    except Unreachable as error:
        raise SignInUnavailable(service="Google") from error
    return sign_in_by_identity(
        kind=Identity.Kind.GOOGLE,
        subject=found.subject,
        wish=_wish(found),
        proven_email=found.email if found.email_verified else "",
        email=found.email,
        nickname=found.name,
        avatar_url=found.avatar_url if found.avatar_url.startswith("https://") else "",
        via="google",
    )


def _wish(found: OutsideIdentity) -> str:
    """A user name to begin with: the part of the e-mail before the @, else the name, if it has three printable characters."""
    for text in (found.email.partition("@")[0], found.name.strip()):
        if len(text) >= 3 and text.isprintable():
            return text[:NAME_MAX]
    return f"google_{found.subject[-8:]}"
