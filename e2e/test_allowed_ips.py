"""From where requests may come: the list of the database and that of the configuration, at gateway and backend."""

import pytest

from harness.bulkhead import Up, config, new_master_key
from harness.process import eventually

INSIDE, OUTSIDE = "203.0.113.7", "198.51.100.1"


@pytest.fixture
def started(log_dir, upstream):
    """Starts `bulkhead up` with more general settings; ends it after the test."""
    running = []

    def start(general):
        running.append(Up(log_dir, config(upstream) + general, new_master_key()))
        return running[-1]

    yield start
    for up in running:
        up.close()


def ask(api, client):
    body = {"model": "oai", "messages": [{"role": "user", "content": "hello"}]}
    return api.post("/v1/chat/completions", body, headers={"x-forwarded-for": client})


def chat(api, client):
    return ask(api, client).status_code


def test_a_list_that_is_made_while_it_runs(started):
    up = started("  use_x_forwarded_for: true\n")
    admin, key = up.admin, up.admin.with_key(up.admin.generate()["key"])
    assert (chat(key, INSIDE), chat(key, OUTSIDE)) == (200, 200)
    inside = {"headers": {"x-forwarded-for": INSIDE}}
    locked_out = admin.post("/add/allowed_ip", {"ip": OUTSIDE}, **inside)
    assert locked_out.status_code == 400 and locked_out.json()["error"]["param"] == "ip"
    admin.ok(admin.post("/add/allowed_ip", {"ip": "203.0.113.0/24"}, **inside))
    eventually(lambda: chat(key, OUTSIDE) == 403, 5)
    refused = ask(key, OUTSIDE).json()["error"]
    assert (refused["type"], refused["message"]) == ("auth_error", f"Access forbidden: IP address {OUTSIDE} not allowed.")
    assert chat(key, INSIDE) == 200
    for path in ("/v1/models", "/key/info"):
        assert key.get(path, headers={"x-forwarded-for": OUTSIDE}).status_code == 403
        assert key.get(path, headers={"x-forwarded-for": INSIDE}).status_code == 200
    # Probes come from anywhere.
    assert admin.get("/health/readiness").status_code == 200
    admin.ok(admin.post("/delete/allowed_ip", {"ip": "203.0.113.0/24"}, **inside))
    eventually(lambda: chat(key, OUTSIDE) == 200, 5)


def test_who_is_no_proxy_speaks_for_nobody(started):
    up = started("  allowed_ips: [127.0.0.0/8]\n")
    key = up.admin.with_key(up.admin.generate()["key"])
    # Without `use_x_forwarded_for` a gateway goes by the connection.
    assert (chat(key, OUTSIDE), chat(key, INSIDE)) == (200, 200)
