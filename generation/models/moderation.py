"""What moderation refused, or could not judge: for operators to look at."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class ModerationHit(models.Model):
    """One text that a moderator stopped, or that went unjudged because the moderator was silent. Gone when its writer is erased."""

    class Verdict(models.TextChoices):
        """Unjudged is what the moderator was silent about: an installation lets it pass or refuses it."""

        REFUSED = "refused", _("Refused")
        UNJUDGED = "unjudged", _("Let pass unjudged")
        UNAVAILABLE = "unavailable", _("Refused unjudged")

    # A hit is no part of any books: it needs neither a row lock on its user nor their foreign key.
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="moderation_hits", verbose_name=_("user")
    )
    verdict = models.CharField(_("verdict"), max_length=12, choices=Verdict)
    moderator = models.CharField(_("moderator"), max_length=20, help_text=_("Who judged: our words, or the one outside."))
    category = models.CharField(_("category"), max_length=120, help_text=_("The word, or the moderator's categories."))
    kind = models.CharField(_("kind"), max_length=20)
    field = models.CharField(_("field"), max_length=40, help_text=_("The parameter that held it."))
    excerpt = models.CharField(_("excerpt"), max_length=300, help_text=_("How the text begins."))
    created_at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("moderation hit")
        verbose_name_plural = _("moderation hits")
        indexes = (models.Index(fields=["user", "-id"], name="moderationhit_user"),)

    def __str__(self) -> str:
        return f"{self.verdict} {self.category}"
