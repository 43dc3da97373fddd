"""Alerts of budgets: what a double of Slack and a webhook of one's own get."""

import http.server
import json
import os
import signal
import threading

import pytest

from harness.bulkhead import Up, config, new_master_key, role
from harness.process import eventually
from test_budgets import name, spend_a_dollar, team_key


class Inbox:
    """Takes what is posted. The first `fails` of each path are answered 500."""

    def __init__(self):
        self.got, self.fails = [], {}
        inbox = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                left = inbox.fails.get(self.path, 0)
                inbox.fails[self.path] = left - 1
                if left <= 0:
                    inbox.got.append((self.path, body))
                self.send_response(500 if left > 0 else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def slack(self, who):
        return [body["text"] for path, body in self.got if path == "/slack" and who in body["text"]]

    def hook(self, who):
        return [body for path, body in self.got if path == "/hook" and who in body["event_message"]]


@pytest.fixture(scope="module")
def inbox():
    inbox = Inbox()
    yield inbox
    inbox.server.shutdown()


@pytest.fixture(scope="module")
def alerted(log_dir, upstream, inbox):
    text = config(upstream) + "  alerting: [slack, webhook]\n"
    env = {"SLACK_WEBHOOK_URL": f"{inbox.url}/slack", "WEBHOOK_URL": f"{inbox.url}/hook"}
    up = Up(log_dir, text, new_master_key(), env=env)
    yield up
    up.close()


def alerts(admin, who, **params):
    return [one for one in admin.ok(admin.get("/alerting/list", params=params)) if who in one["message"]]


def settled(admin, who, count):
    """The alerts of somebody once so many were sent, after a later alert of somebody else was sent as well."""
    eventually(lambda: len(alerts(admin, who, state="sent")) == count, 30, f"{count} alerts of {who}")
    other = name("other")
    key = admin.with_key(admin.generate(key_alias=other, soft_budget=0.5)["key"])
    spend_a_dollar(key)
    eventually(lambda: len(alerts(admin, other, state="sent")) == 2, 30, "a later alert")
    return alerts(admin, who)


def test_a_soft_budget_is_told_of_once_and_nothing_is_refused(alerted, inbox):
    admin = alerted.admin
    team, client = team_key(admin, {"soft_budget": 1, "max_budget": 100})
    for _ in range(3):
        spend_a_dollar(client)
    assert [one["state"] for one in settled(admin, team, 2)] == ["sent", "sent"]
    (text,) = inbox.slack(team)
    assert text.startswith(f"Soft budget crossed: team `{team}` has spent $") and "of its soft budget of $1.0." in text
    (body,) = inbox.hook(team)
    assert (body["event"], body["event_group"], body["team_id"]) == ("soft_budget_crossed", "team", team)
    assert body["spend"] >= 1 and (body["soft_budget"], body["max_budget"]) == (1.0, 100.0)
    assert admin.ok(admin.get("/active/callbacks"))["alerting"] == ["slack", "webhook"]


def test_a_budget_is_told_of_when_it_is_used_up_and_in_each_of_its_windows(alerted, inbox):
    admin = alerted.admin
    alias = name("key")
    client = admin.with_key(admin.generate(key_alias=alias, max_budget=1, budget_duration="4s")["key"])

    def told(windows):
        # Nobody looks at what is used up in the last moment of a window before it is over: then the next has to do.
        if client.chat("oai").status_code == 200:
            spend_a_dollar(client)
        return len(inbox.hook(alias)) >= windows

    for windows in (1, 2):
        eventually(lambda: told(windows), 30, f"the alerts of {windows} windows")
    assert {body["event"] for body in inbox.hook(alias)} == {"budget_crossed"}
    ends = [body["budget_reset_at"] for body in inbox.hook(alias)]
    assert ends == sorted(set(ends)), "each window once"
    assert "Its calls are refused." in inbox.slack(alias)[0]


def test_a_failed_alert_is_tried_again_and_can_be_seen(alerted, inbox):
    admin = alerted.admin
    alias = name("key")
    inbox.fails["/slack"] = 2
    spend_a_dollar(admin.with_key(admin.generate(key_alias=alias, soft_budget=1)["key"]))
    waiting = eventually(lambda: [one for one in alerts(admin, alias) if one["error"]], 20, "a failed try")
    assert waiting[0]["channel"] == "slack" and waiting[0]["error"] == "it answered 500 Internal Server Error"
    eventually(lambda: len(alerts(admin, alias, state="sent")) == 2, 30, "it arrives in the end")
    assert (len(inbox.slack(alias)), len(inbox.hook(alias))) == (1, 1)


def test_neither_a_restart_nor_a_second_backend_tells_again(alerted, inbox, log_dir):
    admin = alerted.admin
    alias = name("key")
    client = admin.with_key(admin.generate(key_alias=alias, soft_budget=1)["key"])
    spend_a_dollar(client)
    settled(admin, alias, 2)
    os.kill(alerted.role("backend"), signal.SIGKILL)
    eventually(lambda: admin.get("/alerting/list").status_code == 200, 30, "the backend is back")
    env = {
        "LITELLM_MASTER_KEY": admin.key, "DATABASE_URL": f"sqlite://{alerted.data_dir / 'bulkhead.db'}",
        "SLACK_WEBHOOK_URL": f"{inbox.url}/slack", "WEBHOOK_URL": f"{inbox.url}/hook",
    }
    arguments = ["--port", 0, "--data-dir", alerted.home / "second"]
    second, _ = role("backend", log_dir, arguments, env, alerted.home)
    try:
        spend_a_dollar(client)
        settled(admin, alias, 2)
    finally:
        second.kill()
    assert (len(inbox.slack(alias)), len(inbox.hook(alias))) == (1, 1)
