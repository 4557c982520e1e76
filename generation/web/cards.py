"""A task as the pages show it: words, figures and links, worked out before the template."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext, ngettext

from config.kernel import clock
from generation.kinds import KINDS
from generation.models import Asset, Attempt, Task
from generation.services.late import late_quote
from generation.states import ENDED, RETRYABLE, LateChoice, TaskState
from generation.web.results import Result, result_of, shape_asked
from generation.web.titles import title_of
from generation.web.wording import STATE_LABELS, TROUBLE, facts_of, kind_label
from operations.templatetags.pages import clock_text, credits_text, negative, number, spell, when

STORING_FROM = 95
"""Progress (per cent) from which the result is being put away."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a running task: `done`, `now` or still to come ("")."""

    label: str
    state: str


class TaskCard:
    """One task in its owner's eyes.

    `place` is its place in the queue, `retry_price` today's price of another try, `late` the attempt that came after the refund,
    `outputs` everything it made, where that may be more than one file.
    """

    def __init__(
        self,
        task: Task,
        *,
        place: int | None = None,
        retry_price: int | None = None,
        late: Attempt | None = None,
        outputs: Sequence[Asset] = (),
    ) -> None:
        self.task = task
        self.uuid: UUID = task.uuid
        self.status = TaskState(task.status)
        self.kind = task.kind
        self.cost = task.cost_credits
        self.created_at = task.created_at
        self.place = place
        self._retry_price = retry_price
        self._late = late
        self._outputs = outputs
        self.now = clock.real_now()

    @cached_property
    def title(self) -> str:
        return title_of(self.task)

    @property
    def prompt(self) -> str:
        return str(self.task.params.get("prompt", ""))

    @property
    def href(self) -> str:
        return reverse("task", args=[self.uuid])

    @property
    def state_label(self) -> str:
        if self.status is TaskState.RUNNING and self.task.progress >= STORING_FROM:
            return gettext("Storing")
        return str(STATE_LABELS[self.status])

    @property
    def announcement(self) -> str:
        """What a screen reader says when the state changes."""
        return gettext("%(title)s: %(state)s") % {"title": self.title, "state": self.state_label}

    @property
    def is_live(self) -> bool:
        return self.status is TaskState.RUNNING

    @property
    def is_open(self) -> bool:
        return self.status not in ENDED

    @property
    def is_done(self) -> bool:
        return self.status is TaskState.SUCCEEDED

    @property
    def is_failed(self) -> bool:
        return self.status in {TaskState.FAILED, TaskState.TIMEOUT}

    @property
    def is_late(self) -> bool:
        """A result came after the refund, and its owner has not chosen yet."""
        return self._late is not None and not self._late.late_choice

    @property
    def main(self) -> Asset | None:
        """The file its owner may see, of several the first."""
        if self._late is not None and self._late.late_choice == LateChoice.TAKEN:
            return self._late.late_asset
        return self.task.output if self.is_done else None

    @property
    def late_price(self) -> str:
        """What taking the late result costs."""
        asset = self._late.late_asset if self._late is not None else None
        return credits_text(late_quote(self.task, asset)) if asset is not None else ""

    @property
    def cancel_asked(self) -> bool:
        return self.task.cancel_requested_at is not None

    @property
    def can_cancel(self) -> bool:
        return self.is_open and not self.cancel_asked

    @property
    def can_retry(self) -> bool:
        return self.status in RETRYABLE and self._retry_price is not None and not self.is_late

    @property
    def retry_price(self) -> str:
        return credits_text(self._retry_price or 0)

    @cached_property
    def retry_token(self) -> str:
        return str(uuid4())

    @property
    def progress(self) -> int:
        return int(self.task.progress)

    @property
    def shape(self) -> str:
        return self.results[0].shape if self.results else shape_asked(self.task.params)

    @property
    def is_picture(self) -> bool:
        """Whether it makes pictures."""
        return self.kind in KINDS and KINDS[self.kind].output == "image"

    @cached_property
    def results(self) -> list[Result]:
        """Every file its owner may see, in order."""
        outputs = (self._outputs or [self.main]) if self.main is not None else []
        return [result_of(asset, number) for number, asset in enumerate(outputs, 1)]

    @property
    def src(self) -> str:
        return self.results[0].src if self.results else ""

    @property
    def poster(self) -> str:
        return self.results[0].poster if self.results else ""

    @property
    def count_text(self) -> str:
        """How many pictures there are, where it is more than one."""
        count = len(self.results)
        return ngettext("%(n)s picture", "%(n)s pictures", count) % {"n": count} if count > 1 else ""

    @property
    def duration_ms(self) -> int | None:
        return self.main.duration_ms if self.main is not None else None

    @property
    def facts(self) -> str:
        words = facts_of(self.kind, self.task.params)
        length = [gettext("%(s)s s") % {"s": round(self.duration_ms / 1000)}] if self.duration_ms else []
        return " · ".join([kind_label(self.kind), *words, *length])

    @property
    def note(self) -> str:
        return when(self.task.completed_at)

    @property
    def waited_s(self) -> float:
        return ((self.task.started_at or self.now) - self.task.created_at).total_seconds()

    @property
    def ran_s(self) -> float:
        started = self.task.started_at
        return ((self.task.completed_at or self.now) - started).total_seconds() if started else 0

    @property
    def steps(self) -> list[Step]:
        """Queued, rendering, storing, finished, with how long each took."""
        storing = self.task.progress >= STORING_FROM
        waited, ran = (clock_text(int(max(s, 0) * 1000)) for s in (self.waited_s, self.ran_s))
        return [
            Step(f"{gettext('Queued')} {waited}", "done"),
            Step(f"{gettext('Rendering')} {ran}", "done" if storing else "now"),
            Step(gettext("Storing"), "now" if storing else ""),
            Step(gettext("Finished"), ""),
        ]

    @property
    def ahead(self) -> str:
        """What comes next, or what came of it; one sentence a state."""
        words: dict[TaskState, Callable[[], str]] = {
            TaskState.PENDING: self._queue_words,
            TaskState.RUNNING: self._rest_words,
            TaskState.SUCCEEDED: lambda: gettext("Made in %(time)s.") % {"time": spell(max(self.waited_s + self.ran_s, 1))},
            TaskState.CANCELLED: lambda: gettext("Cancelled by you."),
        }
        return words.get(self.status, self._trouble_words)()

    def _queue_words(self) -> str:
        if self.task.run_after and self.task.run_after > self.now:
            return gettext("The engine stumbled; we try again in %(time)s.") % {
                "time": spell((self.task.run_after - self.now).total_seconds())
            }
        if self.place is None or self.place <= 1:
            return gettext("Next in line.")
        return gettext("Number %(n)s in line.") % {"n": number(self.place)}

    def _rest_words(self) -> str:
        if self.progress < 5:
            return ""
        rest = self.ran_s * (100 - self.task.progress) / self.task.progress
        return gettext("about %(time)s to go") % {"time": spell(max(rest, 1))}

    def _trouble_words(self) -> str:
        code = self.task.error_code
        if code == "engine_refused" and self.task.error_message:
            return gettext(self.task.error_message)
        return str(TROUBLE[code]) if code in TROUBLE else gettext("The engine gave up.")

    @property
    def money(self) -> str:
        """What happened to the credits."""
        if self.status in RETRYABLE:
            return self.money_back
        if self.is_done:
            return gettext("Cost %(credits)s.") % {"credits": credits_text(self.cost)}
        held = gettext("%(credits)s held") if self.task.hold_id else gettext("%(credits)s spent")
        return held % {"credits": credits_text(self.cost)}

    @property
    def line(self) -> str:
        """What came of it and of the credits; Chinese sentences stand without a space between."""
        ahead = self.ahead
        return f"{ahead}{'' if ahead.endswith('。') else ' '}{self.money}"

    @property
    def money_back(self) -> str:
        """What an ended task without a result gives back."""
        return ngettext("%(n)s credit is back.", "%(n)s credits are back.", self.cost) % {"n": number(self.cost)}

    @property
    def account(self) -> list[tuple[str, str]]:
        """The lines beside the result: what it took and what it cost."""
        lines = [(gettext("Kind"), kind_label(self.kind)), (gettext("Queued"), spell(self.waited_s))]
        if self.task.started_at:
            lines.append((gettext("Rendered"), spell(self.ran_s)))
        if self.main is not None and self.main.width:
            lines.append((gettext("Frame"), f"{self.main.width} × {self.main.height}"))
        if self.count_text:
            lines.append((gettext("Pictures"), str(len(self.results))))
        if self.duration_ms:
            lines.append((gettext("Length"), clock_text(self.duration_ms)))
        lines.append((gettext("Cost"), credits_text(self.cost)))
        if self.status in RETRYABLE:
            lines.append((gettext("Returned"), negative(-self.cost)))
        return lines


def open_first(cards: Iterable[TaskCard]) -> list[TaskCard]:
    """What runs, then what waits, then what failed; the newest of each first."""
    order = {TaskState.RUNNING: 0, TaskState.PENDING: 1}
    return sorted(cards, key=lambda card: (order.get(card.status, 2), _age(card)))


def _age(card: TaskCard) -> float:
    return -card.created_at.astimezone(dt.UTC).timestamp()


def is_recent_trouble(task: Task, now: dt.datetime) -> bool:
    """An ended task without a result stays on the bench for a day."""
    return task.status in RETRYABLE and (task.completed_at or task.created_at) > now - dt.timedelta(days=1)
