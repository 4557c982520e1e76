"""The create form: what a person chose, turned into the parameters of a kind."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from generation.models import Asset
from generation.services.link import link_of
from generation.web.wording import PROMPT_LIMIT, Choice, PageKind


class CreateForm(forms.Form):
    """The fields of one kind. Choices fall back to their first option; files are judged by the upload service."""

    token = forms.UUIDField()
    quoted = forms.IntegerField(min_value=0, required=False)

    def __init__(self, kind: PageKind, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        if kind.has_prompt:
            self.fields["prompt"] = forms.CharField(
                max_length=PROMPT_LIMIT,
                error_messages={"required": _("Write what should be seen."), "max_length": _("This is too long for the engine.")},
            )
        for choice in kind.choices:
            options = [(option.value, option.label) for option in choice.options]
            self.fields[choice.name] = forms.ChoiceField(choices=options, required=False)

    def chosen(self, choice: Choice) -> str:
        """The value of `choice`, its default where nothing valid was sent."""
        sent = str((self.data if self.is_bound else self.initial).get(choice.name, ""))
        return sent if any(option.value == sent for option in choice.options) else choice.options[0].value

    def choices(self) -> dict[str, str]:
        """Every choice with its value."""
        return {choice.name: self.chosen(choice) for choice in self.kind.choices}

    def chosen_params(self) -> dict[str, Any]:
        """What the choices write among the parameters."""
        return {name: value for choice in self.kind.choices for name, value in choice.params_of(self.chosen(choice)).items()}

    def params(self, assets: dict[str, Asset]) -> dict[str, Any]:
        """The parameters as the kind declares them; `assets` are the uploads by field name."""
        params: dict[str, Any] = {**self.kind.fixed, **self.chosen_params()}
        if self.kind.has_prompt:
            params["prompt"] = self.cleaned_data["prompt"]
        for upload in self.kind.uploads:
            address = link_of(assets[upload.name])
            params[upload.param] = [address] if upload.is_list else address
        return params
