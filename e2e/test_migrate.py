"""`bulkhead migrate` on PostgreSQL: waits, gives way, may be killed, and ends with a code that tells."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness.bulkhead import binary, environment, run
from harness.postgres import Postgres, program
from harness.process import eventually


@pytest.fixture(scope="module")
def postgres(log_dir):
    postgres = Postgres(log_dir)
    yield postgres
    postgres.close()


def migrate(url, *arguments, cwd):
    return run(["migrate", *arguments], env={"DATABASE_URL": url}, cwd=cwd)


def start(url, *arguments, cwd):
    return subprocess.Popen(
        [binary(), "migrate", *arguments], env=environment(DATABASE_URL=url), cwd=cwd, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


def schema(postgres, database):
    """Everything that the database has but rows, and which migrations are noted as run."""
    done = subprocess.run(
        [program("pg_dump"), "--schema-only", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "bulkhead", database],
        capture_output=True, text=True, check=True,
    )
    # Newer dumps begin and end with a word of chance.
    dump = re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.M)
    return dump, postgres.sql("select version, success, checksum from _sqlx_migrations order by 1", database)


def test_the_cost_of_each_step_is_written_down():
    root = Path(__file__).resolve().parents[1]
    up, finish = [sorted(path.name[:4] for path in (root / "crates/store/migrations" / folder).glob("*.sql")) for folder in (".", "finish")]
    told = re.findall(r"^\| (\d{4}) ", (root / "docs/migrations.md").read_text(), re.M)
    assert told == up + finish, "docs/migrations.md says what each migration locks and costs"


def test_check_tells_whether_the_schema_is_there(postgres, tmp_path):
    url = postgres.database("checked")
    code, out, error = migrate(url, "status", "--check", "--wait-seconds", 0, cwd=tmp_path)
    assert code == 1 and "migrations have not run" in error, out + error
    waiting = start(url, "status", "--check", cwd=tmp_path)
    code, out, error = migrate(url, "up", cwd=tmp_path)
    assert code == 0, error
    assert waiting.wait(30) == 0, "it waited for the schema"
    assert migrate(url, "status", "--check", "--wait-seconds", 0, cwd=tmp_path)[0] == 0


def test_killed_at_any_moment_and_run_again(postgres, tmp_path):
    code, _, error = migrate(postgres.database("whole"), "up", cwd=tmp_path)
    assert code == 0, error
    url = postgres.database("broken_off")
    started = time.monotonic()
    migrate(postgres.database("timed"), "up", cwd=tmp_path)
    whole = time.monotonic() - started
    killed = 0
    for step in range(1, 31):
        process = start(url, "up", cwd=tmp_path)
        try:
            process.wait(whole * step / 60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
    assert killed >= 5
    code, _, error = migrate(url, "up", cwd=tmp_path)
    assert code == 0, error
    assert schema(postgres, "broken_off") == schema(postgres, "whole")


def test_two_at_once_are_put_in_order(postgres, tmp_path):
    url = postgres.database("at_once")
    both = [start(url, "up", cwd=tmp_path) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0], [process.stderr.read() for process in both]
    assert schema(postgres, "at_once")[1] == schema(postgres, "whole")[1]


def test_it_does_not_wait_behind_a_lock(postgres, tmp_path):
    """Whoever comes after a migration that waits would wait behind it; so it lets go and tries again."""
    url = postgres.database("locked")
    assert migrate(url, "up", cwd=tmp_path)[0] == 0
    holder = subprocess.Popen(
        [program("psql"), "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "bulkhead", "-d", "locked", "-c",
         "begin; lock table keys in access exclusive mode; select pg_sleep(60)"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        held = "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and relation = 'keys'::regclass"
        eventually(lambda: postgres.sql(held, "locked") == "1", 10, "the lock")
        code, _, error = migrate(url, "up", "--wait-seconds", 2, cwd=tmp_path)
        assert code == 1 and "lock timeout" in error, error
        patient = start(url, "up", cwd=tmp_path)
        log = lambda: (patient.stderr.readline(), True)[1]
        assert log() and patient.poll() is None, "it goes on trying"
        holder.terminate()
        postgres.sql("select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock%'", "postgres")
        assert patient.wait(30) == 0
    finally:
        holder.kill()
        holder.wait()


def test_it_waits_for_the_database_up_to_a_deadline(postgres, tmp_path):
    url = postgres.database("away")
    postgres.stop()
    try:
        code, _, error = migrate(url, "up", "--wait-seconds", 1, cwd=tmp_path)
        assert code == 1 and "unavailable" in error, error
        patient = start(url, "up", cwd=tmp_path)
        patient.stderr.readline()
    finally:
        postgres.start()
    assert patient.wait(60) == 0, patient.stderr.read()


def test_a_wrong_name_is_not_waited_for(postgres, tmp_path):
    code, _, error = migrate(f"postgresql://bulkhead@127.0.0.1:{postgres.port}/nothing_like_it", "up", "--wait-seconds", 600, cwd=tmp_path)
    assert code == 1 and "nothing_like_it" in error, error


def test_the_index_of_searches_is_built_beside_writers(postgres, tmp_path):
    """Whoever writes keys while an open transaction holds up the building does not wait for it."""
    url = postgres.database("searched")
    assert migrate(url, "up", cwd=tmp_path)[0] == 0
    valid = "select indisvalid from pg_index where indexrelid = 'key_search_text'::regclass"
    assert postgres.sql(valid, "searched") == "t"
    postgres.sql("drop index key_search_text", "searched")
    open_transaction = subprocess.Popen(
        [program("psql"), "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "bulkhead", "-d", "searched", "-c",
         "begin; lock table key_search in row exclusive mode; select pg_sleep(60)"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    writes = "select count(*) from pg_locks where mode = 'RowExclusiveLock' and relation = 'key_search'::regclass"
    eventually(lambda: postgres.sql(writes, "searched") == "1", 10, "the open transaction")
    building = start(url, "up", cwd=tmp_path)
    try:
        builds = "select count(*) from pg_stat_activity where query like 'CREATE INDEX CONCURRENTLY%' and wait_event_type = 'Lock'"
        eventually(lambda: postgres.sql(builds, "postgres") == "1", 20, "a building that waits")
        # The lock that every writer takes; it would wait behind an index that is built in a transaction.
        postgres.sql("begin; set local lock_timeout = '200ms'; lock table key_search in row exclusive mode; commit", "searched")
        open_transaction.terminate()
        postgres.sql("select pg_terminate_backend(pid) from pg_stat_activity where query like 'begin; lock table key_search%'", "postgres")
        assert building.wait(30) == 0, building.stderr.read()
        assert postgres.sql(valid, "searched") == "t"
    finally:
        open_transaction.kill()
        open_transaction.wait()
        building.kill()


def test_finish_waits_until_no_older_version_is_connected(postgres, tmp_path):
    url = postgres.database("finished")
    code, _, error = migrate(url, "finish", "--wait-seconds", 0, cwd=tmp_path)
    assert code == 1 and "of `up` have not run" in error, error
    assert migrate(url, "up", cwd=tmp_path)[0] == 0
    old = subprocess.Popen(
        [program("psql"), "-d", f"{url}?application_name=bulkhead", "-c", "select pg_sleep(60)"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        connected = "select count(*) from pg_stat_activity where application_name = 'bulkhead'"
        eventually(lambda: postgres.sql(connected, "finished") == "1", 10, "the older version")
        code, _, error = migrate(url, "finish", "--wait-seconds", 0, cwd=tmp_path)
        assert code == 1 and "older version" in error and "127.0.0.1" in error, error
        assert "pending  finish" in migrate(url, "status", cwd=tmp_path)[1]
        assert migrate(url, "status", "--check", "--wait-seconds", 0, cwd=tmp_path)[0] == 0, "the version serves without it"
        patient = start(url, "finish", cwd=tmp_path)
        assert "older version" in patient.stderr.readline()
        postgres.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'bulkhead'", "postgres")
        assert patient.wait(30) == 0, patient.stderr.read()
    finally:
        old.kill()
        old.wait()
    assert "pending" not in migrate(url, "status", cwd=tmp_path)[1]
    for again in ("finish", "up"):
        code, out, error = migrate(url, again, cwd=tmp_path)
        assert code == 0, out + error


def test_finish_of_an_embedded_database_asks_whether_all_are_new(tmp_path):
    url = f"sqlite:{tmp_path}/bulkhead.db"
    assert migrate(url, "up", cwd=tmp_path)[0] == 0
    code, _, error = migrate(url, "finish", "--wait-seconds", 0, cwd=tmp_path)
    assert code == 1 and "--all-are-new" in error, error
    code, _, error = migrate(url, "finish", "--all-are-new", cwd=tmp_path)
    assert code == 0, error
    assert migrate(url, "finish", cwd=tmp_path)[0] == 0, "nothing is left to ask about"
