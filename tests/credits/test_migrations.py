"""The books' functions come and go with their tables."""

from __future__ import annotations

from django.core.management import call_command

from config.kernel.sql import fetch_all
from credits.services.check import check_books
from credits.services.takeback import takeback
from credits.services.wallet import spend
from tests.credits.conftest import AT, Person, buckets


def functions() -> dict[str, str]:
    """Every function of the room and what it says."""
    return {
        row.name: row.text
        for row in fetch_all(
            "SELECT p.oid::regprocedure::text AS name, pg_get_functiondef(p.oid) AS text FROM pg_proc p"
            " WHERE p.proname LIKE 'credits\\_%%' AND p.pronamespace = current_schema()::regnamespace"
        )
    }


def triggers() -> set[str]:
    """Every guard of the room."""
    rows = fetch_all(
        "SELECT tgrelid::regclass || ' ' || tgname AS name FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'credits\\_%%'"
    )
    return {row.name for row in rows}


def test_the_second_issues_functions_go_back_and_come_again(committed_db: object, person: Person) -> None:
    who = person(paid=100)
    spend(user_id=who, key="s", ref="task:1", amount=10, at=AT)
    before = functions(), triggers()
    call_command("migrate", "credits", "0003", verbosity=0, skip_checks=True)
    assert {name.partition("(")[0] for name in before[0]} - {name.partition("(")[0] for name in functions()} >= {
        "credits_takeback_take", "credits_clawback_take", "credits_money_move", "credits_moved",
    }  # fmt: skip
    assert triggers() < before[1]
    call_command("migrate", "credits", verbosity=0, skip_checks=True)
    assert (functions(), triggers()) == before
    assert spend(user_id=who, key="s2", ref="task:2", amount=10, at=AT).balance == 80
    assert takeback(user_id=who, key="b", ref="refund:1", paid=100, bonus=0, may_owe=True, at=AT).shortfall == 20
    assert (buckets(who), check_books(AT)) == ((0, 0, 0, 0), [])
