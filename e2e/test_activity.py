"""Daily activity, spend routes and the search of calls, against what the provider billed."""

import csv
import datetime
import io
import json

import pytest

from harness.bulkhead import cost_nano, nano
from harness.upstream import script

CALLS = [("oai", "in=1003 out=57 cached=600"), ("oai", "in=11 out=3"), ("ant", "in=400 out=20"), ("oai", "status=500")]


@pytest.fixture(scope="module")
def spent(admin, upstream):
    """Calls of a team with two members' keys: what the provider billed, by model and by key."""
    today = str(datetime.datetime.now(datetime.UTC).date())
    team = admin.ok(admin.post("/team/new", json={"team_alias": "activity"}))["team_id"]
    users = []
    for role in ("admin", "user"):
        user = admin.ok(admin.post("/user/new", json={"auto_create_key": False}))["user_id"]
        member = {"team_id": team, "member": {"role": role, "user_id": user}}
        admin.ok(admin.post("/team/member_add", json=member))
        users.append(user)
    keys = [admin.generate(team_id=team, user_id=user) for user in users]
    by_key = {made["token"]: {"nano": 0, "requests": 0, "failed": 0, "tokens": 0} for made in keys}
    calls = []
    for made in keys:
        caller = admin.with_key(made["key"])
        for model, words in CALLS:
            text, name = script(words)
            answer = caller.post("/v1/chat/completions", json={
                "model": model, "max_tokens": 500, "user": f"customer-{team}", "metadata": {"tags": [f"tag-{team}"]},
                "messages": [{"role": "user", "content": text}],
            })
            calls.append(answer.headers["x-litellm-call-id"])
            sums = by_key[made["token"]]
            sums["requests"] += 1
            if answer.status_code == 200:
                billed = upstream.ended(name)["billed"]
                sums["nano"] += cost_nano(billed)
                sums["tokens"] += billed["input"] + billed["output"]
            else:
                sums["failed"] += 1
        caller.close()
    for call in calls:
        admin.row(call)
    # Midnight may pass meanwhile.
    until = str(datetime.datetime.now(datetime.UTC).date())
    return {"team": team, "users": users, "keys": keys, "by_key": by_key, "calls": calls,
            "days": {"start_date": today, "end_date": until}}


def total(spent, what):
    return sum(sums[what] for sums in spent["by_key"].values())


def activity(client, path, spent, **more):
    return client.ok(client.get(path, params={**spent["days"], **more}))


@pytest.mark.parametrize("path", ["/team/daily/activity", "/team/daily/activity/aggregated"])
def test_a_teams_activity_is_what_was_billed(admin, spent, path):
    found = activity(admin, path, spent, team_ids=spent["team"])
    metadata = found["metadata"]
    assert metadata["total_spend_nano"] == total(spent, "nano") > 0
    assert metadata["total_api_requests"] == total(spent, "requests")
    assert metadata["total_failed_requests"] == total(spent, "failed")
    assert metadata["total_tokens"] == total(spent, "tokens")
    assert not metadata["has_more"] and not metadata["is_cut"]
    for part in ("models", "model_groups", "providers", "endpoints", "api_keys", "entities"):
        of_part = sum(nano(entry["metrics"]["spend"]) for day in found["results"] for entry in day["breakdown"][part].values())
        assert of_part == total(spent, "nano"), part
    for made in spent["keys"]:
        entries = [day["breakdown"]["api_keys"].get(made["token"]) for day in found["results"]]
        own = sum(nano(entry["metrics"]["spend"]) for entry in entries if entry)
        assert own == spent["by_key"][made["token"]]["nano"]
    assert found["results"][0]["breakdown"]["entities"][spent["team"]]["metadata"]["team_alias"] == "activity"


@pytest.mark.parametrize("path, ids", [
    ("/customer/daily/activity", {"end_user_ids": "customer-{team}"}), ("/end_user/daily/activity", {"end_user_ids": "customer-{team}"}),
    ("/tag/daily/activity", {"tags": "tag-{team}"}),
])
def test_customers_and_tags_have_their_own(admin, spent, path, ids):
    ids = {name: text.format(team=spent["team"]) for name, text in ids.items()}
    assert activity(admin, path, spent, **ids)["metadata"]["total_spend_nano"] == total(spent, "nano")


def test_members_see_their_part_and_who_leads_sees_all(admin, spent):
    leads, member = (admin.with_key(made["key"]) for made in spent["keys"])
    own = spent["by_key"][spent["keys"][1]["token"]]["nano"]
    assert activity(leads, "/team/daily/activity", spent)["metadata"]["total_spend_nano"] == total(spent, "nano")
    assert activity(member, "/team/daily/activity", spent)["metadata"]["total_spend_nano"] == own
    assert activity(member, "/user/daily/activity", spent)["metadata"]["total_spend_nano"] == own
    other = member.get("/user/daily/activity", params={**spent["days"], "user_id": spent["users"][0]})
    assert other.status_code == 403
    for client in (leads, member):
        client.close()


@pytest.mark.parametrize("days, status", [
    ({"start_date": "2006-01-01", "end_date": "2026-01-01"}, 400), ({"start_date": "2026-01-02", "end_date": "2026-01-01"}, 400),
    ({}, 400), ({"start_date": "2026-01-01", "end_date": "2026-01-01", "timezone": "9999"}, 400),
    ({"start_date": "2026-01-01", "end_date": "2026-01-01", "page_size": "1000000000"}, 400),
    ({"start_date": "2026-01-01", "end_date": "2026-01-01", "page": "1000000000"}, 200),
    ({"start_date": "2026-01-01", "end_date": "2026-01-01", "model": "a\0b"}, 422),
])
def test_what_makes_no_sense_is_told_so(admin, days, status):
    answer = admin.get("/user/daily/activity", params=days)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.json()["results"] == []


@pytest.mark.parametrize("path", ["/spend/logs/ui", "/spend/logs/v2"])
def test_calls_are_found_by_what_they_are(admin, spent, path):
    days = {**spent["days"], "team_id": spent["team"]}
    found = admin.ok(admin.get(path, params=days))
    assert found["total"] == len(spent["calls"]) and not found["total_is_capped"]
    assert {row["litellm_call_id"] for row in found["data"]} == set(spent["calls"])
    assert sum(row["spend_nano"] for row in found["data"]) == total(spent, "nano")
    seen, cursor = [], ""
    while cursor is not None:
        page = admin.ok(admin.get(path, params={**days, "page_size": 3, "cursor": cursor}))
        seen += [row["litellm_call_id"] for row in page["data"]]
        cursor = page["next_cursor"]
    assert seen == [row["litellm_call_id"] for row in found["data"]]
    failed = admin.ok(admin.get(path, params={**days, "status_filter": "failure", "sort_by": "spend"}))
    assert failed["total"] == total(spent, "failed")
    member = admin.with_key(spent["keys"][1]["key"])
    own = member.ok(member.get(path, params=days))
    assert own["total"] == len(CALLS)
    member.close()


def test_sums_of_everyone_have_what_was_billed(admin, spent):
    tags = admin.ok(admin.get("/spend/tags", params=spent["days"]))
    own = next(tag for tag in tags if tag["individual_request_tag"] == f"tag-{spent['team']}")
    assert nano(own["total_spend"]) == total(spent, "nano") and own["log_count"] == total(spent, "requests")
    teams = admin.ok(admin.get("/global/spend/teams"))
    own = next(team for team in teams["total_spend_per_team"] if team["team_id"] == spent["team"])
    assert nano(own["total_spend"]) == total(spent, "nano")
    customers = admin.ok(admin.post("/global/spend/end_users", json={}))
    own = next(one for one in customers if one["end_user"] == f"customer-{spent['team']}")
    assert nano(own["total_spend"]) == total(spent, "nano")
    requests = admin.ok(admin.get("/global/activity", params=spent["days"]))
    assert requests["sum_api_requests"] >= total(spent, "requests")

@pytest.mark.parametrize("noun, ids", [("team", "team_ids"), ("customer", "end_user_ids"), ("tag", "tags")])
def test_files_of_activity_have_what_was_billed(admin, spent, noun, ids):
    named = {"team": spent["team"], "customer": f"customer-{spent['team']}", "tag": f"tag-{spent['team']}"}[noun]
    params = {**spent["days"], ids: named, "export_type": "daily_with_keys"}
    answer = admin.get(f"/{noun}/daily/activity/export", params=params)
    assert answer.headers["content-type"].startswith("text/csv") and "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    for made in spent["keys"]:
        own = [row for row in rows if row["Key ID"] == made["token"]]
        assert sum(nano(row["Spend ($)"]) for row in own) == spent["by_key"][made["token"]]["nano"]
    file = admin.ok(admin.get(f"/{noun}/daily/activity/export", params={**params, "format": "json"}))
    assert file["metadata"]["total_spend_nano"] == total(spent, "nano")
    assert sum(row["api_requests"] for row in file["data"]) == total(spent, "requests")


def test_files_of_usage_and_calls_have_what_was_billed(admin, spent):
    lines = admin.get("/analytics/calls/export", params={**spent["days"], "team_id": spent["team"], "format": "jsonl"})
    calls = [json.loads(line) for line in lines.text.splitlines()]
    assert {call["call_id"] for call in calls} == set(spent["calls"])
    assert sum(nano(call["spend"]) for call in calls) == total(spent, "nano")
    usage = admin.get("/analytics/usage/export", params={**spent["days"], "team": spent["team"], "by": "key,model"})
    rows = list(csv.DictReader(io.StringIO(usage.text)))
    assert sum(nano(row["spend"]) for row in rows) == total(spent, "nano")
    assert {row["key"] for row in rows} == set(spent["by_key"])


def test_usage_tells_percentiles_and_the_month(admin, spent):
    params = {**spent["days"], "team": spent["team"], "by": "key", "percentiles": "true", "forecast": "true"}
    usage = admin.ok(admin.get("/analytics/usage", params=params))
    assert usage["latency"]["duration_p50_ms"] > 0
    assert all(group["latency"]["duration_p95_ms"] > 0 for group in usage["groups"])
    forecast = usage["forecast"]
    assert forecast["expected_spend"] >= forecast["spend"] > 0
