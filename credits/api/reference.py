"""What the transactions of a page are about: the orders and tasks that they name, read at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from config.kernel.ids import parse_uuid
from credits.selectors.wallet import LedgerRow
from credits.states import Kind
from generation.models import Task
from payments.models import Order

ORDER_KINDS = {Kind.RECHARGE, Kind.SPEND}
TASK_KINDS = {Kind.SPEND, Kind.REFUND, Kind.HOLD, Kind.RELEASE, Kind.REMIX}


@dataclass(frozen=True, slots=True)
class Subjects:
    """Orders and tasks by their public id, the viewer's own only."""

    orders: dict[UUID, Order]
    task_kinds: dict[UUID, str]

    def order(self, row: LedgerRow) -> Order | None:
        """The order that the transaction is about, if any."""
        return self.orders.get(_number(row) or UUID(int=0))

    def task_kind(self, row: LedgerRow) -> str:
        """The kind of the task that the transaction is about, or nothing."""
        return self.task_kinds.get(_number(row) or UUID(int=0), "")


def subjects_of(user_id: int, rows: Iterable[LedgerRow]) -> Subjects:
    """The subjects of these transactions of the user, at most two statements."""
    numbers = {number: row.kind for row in rows if (number := _number(row)) is not None}
    bought = [number for number, kind in numbers.items() if kind in ORDER_KINDS]
    worked = [number for number, kind in numbers.items() if kind in TASK_KINDS]
    orders = Order.objects.filter(user_id=user_id, uuid__in=bought).select_related("product") if bought else []
    tasks = Task.objects.filter(user_id=user_id, uuid__in=worked).values_list("uuid", "kind") if worked else []
    return Subjects({order.uuid: order for order in orders}, dict(tasks))


def _number(row: LedgerRow) -> UUID | None:
    """The public id at the end of a reference such as `task:<uuid>`."""
    return parse_uuid(row.reference.rpartition(":")[2])
