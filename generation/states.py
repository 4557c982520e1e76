"""The life of a task. Inside there is one spelling; each contract renders its own."""

from django.db import models


class TaskState(models.TextChoices):
    """Where a task is."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"


EDGES: dict[TaskState, frozenset[TaskState]] = {
    TaskState.PENDING: frozenset(
        {
            TaskState.RUNNING,  # a worker claimed it
            TaskState.CANCELLED,  # its owner cancelled before anything began
            TaskState.FAILED,  # refused before anything reached an engine (input, route, deadline of the queue)
        }
    ),
    TaskState.RUNNING: frozenset(
        {
            TaskState.PENDING,  # a retryable failure or an expired lease with nothing sent: it waits again
            TaskState.SUCCEEDED,  # our own copy of the output is stored
            TaskState.FAILED,  # the engine refused for good
            TaskState.TIMEOUT,  # the deadline passed and the engine was asked
            TaskState.CANCELLED,  # the engine confirmed that it stopped
        }
    ),
    TaskState.SUCCEEDED: frozenset(),
    TaskState.FAILED: frozenset(),
    TaskState.CANCELLED: frozenset(),
    TaskState.TIMEOUT: frozenset(),
}

ENDED = frozenset(state for state, following in EDGES.items() if not following)
RETRYABLE = frozenset({TaskState.FAILED, TaskState.TIMEOUT, TaskState.CANCELLED})


class AttemptState(models.TextChoices):
    """Where one try at one engine is."""

    SENDING = "sending"  # written before the call; without an answer it is unknown, never sent again blindly
    RUNNING = "running"  # the engine accepted it and gave an id
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"  # the engine knows nothing of it


REFUSED = "refused: "
"""An attempt's verdict that begins so is about what was asked for, not about the engine's health."""
WORKER_LOST = "worker lost"
"""The verdict of an attempt that our own side broke: it counts neither against the task nor against the engine."""


class LateChoice(models.TextChoices):
    """What the owner did with an output that came after the refund; blank: not decided."""

    TAKEN = "taken"  # paid at the quoted price and kept
    DROPPED = "dropped"  # let go, the file is deleted
