"""Celery's doors into the room. Each may run twice; the database says what is left to do."""

from __future__ import annotations

from celery import shared_task

from generation.dispatch import task_wake, wake_taken
from generation.services import claim, poll, run, sweep
from generation.services.asset import asset_sweep_orphans


@shared_task(name="generation.work")
def work() -> None:
    """One task is run, if one may start; before the look at the queue the wake-up counts as taken, after it the next is sent.

    One task a message, so that sweeps and webhooks that share this worker get their turn between two tasks.
    """
    wake_taken()
    task = claim.task_claim(claim.owner_name())
    if task is None:
        return
    task_wake()  # another free worker may find more
    run.task_run(task)
    task_wake()


@shared_task(name="generation.poll")
def poll_attempt(attempt_id: int) -> None:
    """An engine elsewhere is asked about one attempt."""
    poll.attempt_ask(attempt_id)


@shared_task(name="generation.stop")
def stop(task_id: int) -> None:
    """An engine elsewhere is asked to stop."""
    poll.attempt_stop(task_id)


@shared_task(name="generation.sweep")
def sweep_tasks() -> None:
    """What lies still goes on."""
    sweep.sweep_tasks()


@shared_task(name="generation.sweep_slowly")
def sweep_slowly() -> None:
    """Uploads that nobody used, what dead workers left, tasks that waited for a day: all gone (hourly)."""
    asset_sweep_orphans()
    sweep.sweep_slowly()
