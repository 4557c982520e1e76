"""`make bench`: the platform beside its yardsticks, one run, one machine; prints a table and writes `$DATA_DIR/bench.json`."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from bench import payments, peer, realtime
from bench.load import Load, drive
from bench.services import Services, child, memory_mib, running
from config.launcher.child import Child, Program

ROOT = Path(__file__).resolve().parent.parent
YARDSTICKS = Path(os.environ.get("YARDSTICKS", ROOT.parent / "shared" / "bench"))
DATA_DIR = Path(os.environ.get("DATA_DIR", ROOT / "var")).resolve()
SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
TASKS = int(os.environ.get("BENCH_TASKS", "1000000"))
WARM_UP_S = 3
WEB_PORT, PEER_PORT = 8011, 8012
PAGE_SIZE = 10
LIST_ROUNDS = 150
NOT_COUNTED = ("BEGIN", "COMMIT", "ALTER SYSTEM", "SELECT PG_RELOAD_CONF")


def main() -> None:
    """Measures, prints, writes. Exits 1 when a bar is missed."""
    if not (YARDSTICKS / "peer_fastapi.py").exists():
        raise SystemExit(f"make bench needs the yardsticks in {YARDSTICKS} (or name their folder in YARDSTICKS)")
    if sys.argv[1:] not in ([], ["realtime"]):
        raise SystemExit("python -m bench [realtime]")
    folder = DATA_DIR / "bench"
    work = folder / "run"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, mode=0o755)
    if sys.argv[1:]:
        _realtime_alone(work)
    python = peer.environment(folder / "peer")
    with running(work) as services:
        report = {**_yardsticks(services, python, work), **_ours(services, work)}
    _join(report)
    (DATA_DIR / "bench.json").write_text(json.dumps(report, indent=2) + "\n")
    _print(report)
    sys.exit(0 if all(bar["met"] for bar in report["bars"]) else 1)


def _realtime_alone(work: Path) -> NoReturn:
    """Measures and prints the realtime process only. Exits 1 when a bar is missed."""
    with running(work) as services:
        report = _realtime(services, work)
    bars = _realtime_bars(report)
    print(json.dumps(report, indent=2))
    _print_bars(bars)
    sys.exit(0 if all(bar["met"] for bar in bars) else 1)


def _realtime(services: Services, work: Path) -> dict[str, Any]:
    """The realtime process on a database and a broker of their own: no orders of other measurements wait there."""
    _say("ten thousand sockets")
    env, tokens = _environment(services, work, "realtime", 2), work / "realtime.tokens"
    services.cluster.database_create("realtime")
    _manage(env, "migrate", "-v0")
    _manage(env, "populate", "--users", "20", "--tasks", "1000", "--tokens", str(tokens))
    return realtime.measure(services, env, tokens, work)


def _yardsticks(services: Services, python: Path, work: Path) -> dict[str, Any]:
    """PostgreSQL alone, and the peer, on a database of their own."""
    _say("the yardsticks: PostgreSQL alone, then the peer")
    services.cluster.database_create("peer")
    for name in ("schema.sql", "seed.sql"):
        services.tool("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(YARDSTICKS / name), database="peer")
    limits = {
        name: services.pgbench_tps(YARDSTICKS / f"{name}.pgbench", database="peer", seconds=SECONDS)
        for name in ("create_task", "poll_task")
    }
    tokens = work / "peer.tokens"
    with tokens.open("w") as output:
        subprocess.run([str(python), str(YARDSTICKS / "tokens.py"), services.cluster.url("peer")], stdout=output, check=True)
    services.settle()
    database = f"postgresql+asyncpg://atelier@/peer?host={services.cluster.sockets}"
    with peer.serving(python, YARDSTICKS, database=database, redis=services.valkey.url(1), port=PEER_PORT, log=work / "peer.log") as url:
        loads = {mode: _load(url, mode, tokens, work) for mode in ("create", "poll")}
    return {"limits": limits, "peer": {mode: load.as_dict() for mode, load in loads.items()}}


def _ours(services: Services, work: Path) -> dict[str, Any]:
    """The production web processes on the same servers, with a million tasks behind them."""
    env = _environment(services, work)
    services.cluster.database_create("atelier")
    _say(f"migrating and populating {TASKS:,} tasks")
    tokens = work / "ours.tokens"
    _manage(env, "migrate", "-v0")
    begin = time.monotonic()
    _manage(env, "populate", "--tasks", str(TASKS), "--tokens", str(tokens))
    populated_s = time.monotonic() - begin
    pending = work / "pending.orders"
    _manage(env, "populate_orders", "--orders", str(TASKS), "--pending-file", str(pending))
    spend = _spend(services)
    services.settle()
    program = Program("web", [sys.executable, "-m", "config.launcher", "web"], env, work / "web.log", ROOT)
    with child(program, work) as web:
        url = f"http://127.0.0.1:{WEB_PORT}"
        assert web.process is not None
        peer.wait_for(f"{url}/healthz", web.process)
        report = _measure(services, web, url, tokens, work)
        _say("money coming in")
        report["notices"] = payments.notices(url, services.cluster.url("atelier"), payments.pending_of(pending))
        report["orders"] = payments.lists(url, tokens.read_text().split(maxsplit=1)[0])
    report["realtime"] = _realtime(services, work)
    return {**report, "spend": spend, "populate_s": round(populated_s, 1)}


def _measure(services: Services, web: Child, url: str, tokens: Path, work: Path) -> dict[str, Any]:
    _say("the platform")
    listed = "/api/tasks/user/tasks?page=1&page_size=10"
    loads = {
        "create": _load(url, "create", tokens, work),
        "poll": _load(url, "poll", tokens, work),
        "balance": _load(url, "get", tokens, work, "/api/users/credits"),
        "list": _load(url, "get", tokens, work, listed),
    }
    assert web.process is not None
    memory = memory_mib(web.process.pid)
    statements = {mode: _statements(services, url, mode, tokens, work) for mode in loads}
    return {
        "ours": {mode: {**load.as_dict(), "statements": statements[mode]} for mode, load in loads.items()},
        "memory_mib": [round(size, 1) for size in memory],
        "paging": _paging(url, tokens),
    }


def _environment(services: Services, work: Path, database: str = "atelier", redis_number: int = 0) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "DATABASE_URL": services.cluster.url(database),
        "REDIS_URL": services.valkey.url(redis_number),
        "SECRET_KEY": "bench-" + "0123456789abcdef" * 4,
        "DATA_DIR": str(work / "data"),
        "BENCH": "1",
        "RATE_LIMITS": "off",
        "PORT": str(WEB_PORT),
        **payments.ENVIRONMENT,
        **{name: os.environ[name] for name in ("WORKERS",) if name in os.environ},
    }


def _manage(env: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, str(ROOT / "manage.py"), *arguments], env=env, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def _load(url: str, mode: str, tokens: Path, work: Path, path: str = "") -> Load:
    """A few seconds to warm up (connections, plans, first touches of pages after the checkpoint), then the measured load."""
    for seconds in (WARM_UP_S, SECONDS):
        load = drive(url, mode=mode, tokens=tokens, script=YARDSTICKS / "load.lua", seconds=seconds, path=path, workdir=work)
    return load


def _statements(services: Services, url: str, mode: str, tokens: Path, work: Path) -> float:
    """PostgreSQL statements a request, without BEGIN and COMMIT, as its own log counts them."""
    requests = 50
    with services.statements_logged() as statements:
        _requests(url, mode, tokens, requests)
    own = [one for one in statements if not one.strip().upper().startswith(NOT_COUNTED)]
    return round(len(own) / requests, 2)


def _requests(url: str, mode: str, tokens: Path, count: int) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    rows = [line.split() for line in tokens.read_text().splitlines()[:count]]
    body = json.dumps({"prompt": "A beautiful sunset over the ocean", "aspect_ratio": "landscape", "quality": "standard"})
    for token, key, task in rows:
        headers = {"Authorization": f"Bearer {token}", "X-API-Key": key, "Content-Type": "application/json"}
        method, path = {
            "create": ("POST", "/api/videos/text-to-video"),
            "poll": ("GET", f"/api/tasks/{task}"),
            "balance": ("GET", "/api/users/credits"),
            "list": ("GET", "/api/tasks/user/tasks?page=1&page_size=10"),
        }[mode]
        connection.request(method, path, body if method == "POST" else None, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path} answered {answer.status}")
    connection.close()


def _paging(url: str, tokens: Path) -> dict[str, Any]:
    """Page 1 and page 1,000 of the first user's list in turn: median milliseconds."""
    token, _, _ = tokens.read_text().splitlines()[0].split()
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    times: dict[int, list[float]] = {1: [], 1000: []}
    for _round in range(LIST_ROUNDS):
        for page, seen in times.items():
            begin = time.perf_counter()
            connection.request(
                "GET", f"/api/tasks/user/tasks?page={page}&page_size={PAGE_SIZE}", headers={"Authorization": f"Bearer {token}"}
            )
            answer = connection.getresponse()
            rows = len(json.loads(answer.read())["tasks"])
            seen.append((time.perf_counter() - begin) * 1000)
            if TASKS >= 1_000_000 and rows != PAGE_SIZE:
                raise SystemExit(f"page {page} had {rows} rows")
    medians = {page: statistics.median(seen) for page, seen in times.items()}
    return {"page_1_ms": round(medians[1], 2), "page_1000_ms": round(medians[1000], 2), "ratio": round(medians[1000] / medians[1], 2)}


def _spend(services: Services) -> dict[str, float]:
    """Spends on 2,000 wallets through our function, and the same rows by one plain statement on a copy without guards."""
    import psycopg

    with psycopg.connect(services.cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE spend_limit TEMPLATE atelier")
    with psycopg.connect(services.cluster.url("spend_limit"), autocommit=True) as connection:
        for table in ("credits_posting", "credits_wallet"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        found = connection.execute("SELECT min(id), count(*) FROM accounts_user WHERE username LIKE 'load-%'").fetchone()
    assert found is not None
    wallets = {"first": found[0], "users": found[1]}
    tps = services.pgbench_tps(ROOT / "bench" / "spend.pgbench", database="atelier", seconds=SECONDS, **wallets)
    limit = services.pgbench_tps(ROOT / "bench" / "spend_limit.pgbench", database="spend_limit", seconds=SECONDS, **wallets)
    return {"tps": round(tps), "limit_tps": round(limit)}


def _join(report: dict[str, Any]) -> None:
    """The figures side by side, and the bars they are held against."""
    ours, theirs, limits = report["ours"], report["peer"], report["limits"]
    report["create"] = {**ours["create"], "peer_rps": theirs["create"]["rps"], "limit_tps": round(limits["create_task"])}
    report["read"] = {**ours["poll"], "peer_rps": theirs["poll"]["rps"], "limit_tps": round(limits["poll_task"])}
    report["bars"] = [
        _bar("create / peer", ours["create"]["rps"] / theirs["create"]["rps"], 1.2),
        _bar("read / peer", ours["poll"]["rps"] / theirs["poll"]["rps"], 1.5),
        _bar("statements of a create", ours["create"]["statements"], 3, most=True),
        _bar("statements of a read", ours["poll"]["statements"], 1, most=True),
        _bar("page 1,000 / page 1", report["paging"]["ratio"], 1.5, most=True),
        _bar("spend / limit", report["spend"]["tps"] / report["spend"]["limit_tps"], 0.25),
        _bar("web process MiB (PSS)", report["memory_mib"][0], 150, most=True),
        _bar("notices p95 ms at 100/s", report["notices"]["p95_ms"], 50, most=True),
        _bar("notices not settled at once", report["notices"]["sent"] - report["notices"]["settled"], 0, most=True),
        _bar("orders 1,000 / page 1", report["orders"]["ratio"], 1.5, most=True),
        _bar("refused requests", sum(load["errors"] for load in ours.values()), 0, most=True),
        *_realtime_bars(report["realtime"]),
    ]


def _realtime_bars(found: dict[str, Any]) -> list[dict[str, Any]]:
    flood = found["flood"]
    return [
        _bar("commit to screen p95 ms", found["screen"]["p95_ms"], 30, most=True),
        _bar("events that came to no screen", found["screen"]["missed"], 0, most=True),
        _bar("messages/s sent", flood["sent_a_second"], 7_000),
        _bar("messages/s received", flood["received_a_second"], 7_000),
        _bar("messages lost", flood["sent"] - flood["received"], 0, most=True),
        _bar("connections held", found["held"], 9_000),
        _bar("connection KiB (RSS)", found["connection_kib"], 40, most=True),
        _bar("message among 10,000 / 10", found["message_ratio"], 1.2, most=True),
        _bar("text2img p95 ms", found["text2img"]["p95_ms"], 500, most=True),
    ]


def _bar(name: str, value: float, bar: float, *, most: bool = False) -> dict[str, Any]:
    return {"name": name, "value": round(value, 2), "bar": bar, "met": value <= bar if most else value >= bar}


def _print(report: dict[str, Any]) -> None:
    print(f"\n{'':10}{'rps':>9}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'bytes':>8}{'stmts':>7}{'errors':>8}")
    rows = [
        *(("ours " + mode, load) for mode, load in report["ours"].items()),
        *(("peer " + mode, load) for mode, load in report["peer"].items()),
    ]
    for name, load in rows:
        figures = f"{load['rps']:9.0f}{load['p50_ms']:9.1f}{load['p95_ms']:9.1f}{load['p99_ms']:9.1f}{load['bytes_per_request']:8.0f}"
        print(f"{name:13}"[:13] + figures[3:] + f"{load.get('statements', ''):>7}{load['errors']:8.0f}")
    print(f"limits     {report['limits']}\nspend      {report['spend']}\npaging     {report['paging']}")
    print(f"notices    {report['notices']}\norders     {report['orders']}")
    print(f"memory     {report['memory_mib']} MiB (PSS) a process; populated in {report['populate_s']} s\n")
    print(f"realtime   {report['realtime']}")
    _print_bars(report["bars"])


def _print_bars(bars: list[dict[str, Any]]) -> None:
    for bar in bars:
        print(f"{'met   ' if bar['met'] else 'MISSED'}  {bar['name']:30} {bar['value']:8} (bar {bar['bar']})")


def _say(text: str) -> None:
    print(f"bench: {text} …", flush=True)


if __name__ == "__main__":
    main()
