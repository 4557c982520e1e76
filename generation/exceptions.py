"""What can go wrong with a task."""

from config.kernel.errors import DomainError


class TaskNotFound(DomainError):
    """Task not found."""

    code = "task_not_found"


class TaskNotCancellable(DomainError):
    """Only a task that is pending or processing can be cancelled."""

    code = "task_not_cancellable"


class TaskNotRetryable(DomainError):
    """Only a failed, timed out or cancelled task can be retried."""

    code = "task_not_retryable"


class EngineUnavailable(DomainError):
    """No engine is available for this right now."""

    code = "engine_unavailable"
    retryable = True


class EngineBusy(DomainError):
    """Every engine for this is out of capacity right now."""

    code = "engine_busy"
    retryable = True


class ModelRetired(DomainError):
    """The model {alias} has been retired."""

    code = "model_retired"


class QueueFull(DomainError):
    """The queue is full; try again in a moment."""

    code = "queue_full"
    retryable = True


class SensitiveContent(DomainError):
    """The content does not pass moderation."""

    code = "sensitive_content"


class ModerationUnavailable(DomainError):
    """The content cannot be judged right now; try again in a moment."""

    code = "moderation_unavailable"
    retryable = True
