"""What teams, members, users and customers may do and spend, held at the gateway."""

import datetime
import sqlite3
import time
import uuid

from harness.policy import sqlite_digest
from harness.process import eventually
from harness.upstream import script

# The fewest tokens of `oai` whose price is a dollar: 3,000 nano-dollars each.
A_DOLLAR = "in=333334 out=0"
# The contract: a change takes effect on every gateway within this time.
SECONDS_MAX = 1


def name(kind):
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def error(response):
    return response.json()["error"]


def spend_a_dollar(client, **fields):
    text, _ = script(A_DOLLAR)
    response = client.chat("oai", text, **fields)
    assert response.status_code == 200, response.text


def refused(client, kind, **fields):
    """The error of a call that a budget refuses."""
    response = eventually(lambda: (r := client.chat("oai", **fields)).status_code == 422 and r, 5, f"no budget of {kind}")
    assert (error(response)["type"], error(response)["code"]) == ("budget_exceeded", "422")
    return error(response)["message"]


def user_key(admin, **fields):
    user = admin.ok(admin.post("/user/new", {"user_id": name("user"), "auto_create_key": False, **fields}))["user_id"]
    return user, admin.with_key(admin.generate(user_id=user)["key"])


def team_key(admin, team=None, **fields):
    made = admin.ok(admin.post("/team/new", {"team_id": name("team"), **(team or {})}))["team_id"]
    return made, admin.with_key(admin.generate(team_id=made, **fields)["key"])


def test_a_users_budget_holds_all_their_keys(admin):
    user, client = user_key(admin, max_budget=1)
    other = admin.with_key(admin.generate(user_id=user)["key"])
    spend_a_dollar(client)
    message = refused(other, "user")
    assert message.startswith(f"ExceededBudget: User={user} over budget. Spend=1.0") and message.endswith("Budget=1.0")


def test_a_users_models_hold_their_keys(admin):
    _, client = user_key(admin, models=["ant"])
    response = client.chat("oai")
    assert response.status_code == 403 and error(response)["type"] == "user_model_access_denied"
    assert client.chat("ant").status_code == 200


def test_a_teams_budget_holds_all_its_keys_and_lowering_it_holds_within_a_second(admin):
    team, client = team_key(admin, {"max_budget": 100})
    other = admin.with_key(admin.generate(team_id=team)["key"])
    spend_a_dollar(client)
    assert other.chat("oai").status_code == 200
    admin.ok(admin.post("/team/update", {"team_id": team, "max_budget": 0.5}))
    began = time.monotonic()
    eventually(lambda: other.chat("oai").status_code == 422, 10, "the budget was lowered")
    assert time.monotonic() - began <= SECONDS_MAX
    assert refused(client, "team").startswith(f"Budget has been exceeded! Team={team} Current cost: 1.0")
    admin.ok(admin.post("/team/update", {"team_id": team, "max_budget": None}))
    eventually(lambda: client.chat("oai").status_code == 200, SECONDS_MAX, "no budget, nothing to hold")


def test_a_blocked_team_is_refused_until_it_is_unblocked(admin):
    team, client = team_key(admin)
    assert client.chat("oai").status_code == 200
    admin.ok(admin.post("/team/block", {"team_id": team}))
    response = eventually(lambda: (r := client.chat("oai")).status_code == 401 and r, SECONDS_MAX)
    assert error(response)["message"].startswith(f"Authentication Error, Team={team} is blocked.")
    admin.ok(admin.post("/team/unblock", {"team_id": team}))
    eventually(lambda: client.chat("oai").status_code == 200, SECONDS_MAX)


def test_a_teams_models_and_aliases(admin):
    _, client = team_key(admin, {"models": ["oai"], "model_aliases": {"house-model": "oai"}})
    response = client.chat("ant")
    assert response.status_code == 403 and error(response)["type"] == "team_model_access_denied"
    assert client.chat("house-model").status_code == 200


def test_a_members_budget_holds_the_members_keys_alone(admin):
    team, free = team_key(admin)
    user, _ = user_key(admin)
    member = {"role": "user", "user_id": user}
    admin.ok(admin.post("/team/member_add", {"team_id": team, "member": member, "max_budget_in_team": 1}))
    client = admin.with_key(admin.generate(team_id=team, user_id=user)["key"])
    spend_a_dollar(client)
    assert refused(client, "member").startswith(f"Budget has been exceeded! TeamMember={user}:{team} Current cost: 1.0")
    assert free.chat("oai").status_code == 200


def test_a_budget_begins_anew_at_its_time(admin):
    """Whatever second it is: after the end of the window in which it was refused, calls go on."""
    team, client = team_key(admin, {"max_budget": 1, "budget_duration": "3s"})
    for _ in range(2):
        spend_a_dollar(client)
        eventually(lambda: client.chat("oai").status_code == 422, 10, "the budget is used up")
        eventually(lambda: client.chat("oai").status_code == 200, 10, "the next three seconds have begun")


def test_a_keys_budget_begins_anew_at_its_time(admin):
    wrong = admin.post("/key/generate", {"max_budget": 1, "budget_duration": "soon"})
    assert wrong.status_code == 400 and error(wrong)["param"] == "budget_duration"
    made = admin.generate(max_budget=1, budget_duration="3s")
    client = admin.with_key(made["key"])
    spend_a_dollar(client)
    eventually(lambda: client.chat("oai").status_code == 422, 10, "the budget is used up")
    eventually(lambda: client.chat("oai").status_code == 200, 10, "the next three seconds have begun")
    spend_a_dollar(client)
    assert refused(client, "key").startswith("Budget has been exceeded! Key=")


def test_a_key_is_held_to_each_of_its_budgets(admin):
    limits = [{"budget_duration": "1d", "max_budget": 1}, {"budget_duration": "30d", "max_budget": 100}]
    made = admin.generate(max_budget=50, budget_limits=limits)
    client = admin.with_key(made["key"])
    spend_a_dollar(client)
    assert refused(client, "key").startswith("ExceededBudget: Key over 1d budget. Spend=$1.0")
    admin.ok(admin.post("/key/update", {"key": made["key"], "budget_limits": None}))
    eventually(lambda: client.chat("oai").status_code == 200, SECONDS_MAX)


def test_a_raised_budget_holds_until_the_raise_ends(admin):
    client = admin.with_key(made := admin.generate(max_budget=1)["key"])
    spend_a_dollar(client)
    assert refused(client, "key").endswith("Max budget: 1.0")
    until = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)).isoformat()
    admin.ok(admin.post("/key/update", {"key": made, "temp_budget_increase": 5, "temp_budget_expiry": until}))
    eventually(lambda: client.chat("oai").status_code == 200, SECONDS_MAX)
    assert refused(client, "key").endswith("Max budget: 1.0")


def test_a_members_budget_is_larger_for_a_while(admin):
    team, _ = team_key(admin)
    user, _ = user_key(admin)
    admin.ok(admin.post("/team/member_add", {"team_id": team, "member": {"role": "user", "user_id": user}, "max_budget_in_team": 1}))
    client = admin.with_key(admin.generate(team_id=team, user_id=user)["key"])
    spend_a_dollar(client)
    assert refused(client, "member").endswith("Max budget: 1.0")
    until = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)).isoformat()
    member = {"team_id": team, "user_id": user, "temp_budget_increase": 5, "temp_budget_expiry": until}
    assert admin.ok(admin.post("/team/member_update", member))["temp_budget_increase"] == 5
    eventually(lambda: client.chat("oai").status_code == 200, SECONDS_MAX)
    assert refused(client, "member").endswith("Max budget: 1.0")


def test_a_users_budget_begins_anew_at_its_time(admin):
    user, client = user_key(admin, max_budget=1, budget_duration="3s")
    spend_a_dollar(client)
    refused(client, "user")

    def row():
        return admin.ok(admin.get("/user/info", params={"user_id": user}))["user_info"]
    assert row()["budget_reset_at"] is not None
    eventually(lambda: client.chat("oai").status_code == 200, 10, "the next three seconds have begun")
    eventually(lambda: row()["spend"] < 1, 10, "what counts, not what was ever spent")


def test_a_budget_of_one_model_leaves_the_others(admin):
    budgets = {"oai": {"budget_limit": 1, "time_period": "30d"}}
    made = admin.generate(model_max_budget=budgets, key_alias=(alias := name("key")))
    client = admin.with_key(made["key"])
    spend_a_dollar(client)
    message = refused(client, "model")
    assert message.startswith(f"ExceededBudget: Key={alias} over budget for model=oai. Spend=1.0") and message.endswith("Budget=1.0")
    assert client.chat("ant").status_code == 200
    new = admin.ok(admin.post("/key/regenerate", {"key": made["key"]}))["key"]
    eventually(lambda: admin.with_key(new).chat("oai").status_code == 422, 5, "what was spent goes along with the new secret")
    admin.ok(admin.post("/key/update", {"key": new, "model_max_budget": {}}))
    eventually(lambda: admin.with_key(new).chat("oai").status_code == 200, SECONDS_MAX)


def test_a_budget_of_a_model_begins_anew_at_its_time(admin):
    client = admin.with_key(admin.generate(model_max_budget={"oai": {"max_budget": 1, "budget_duration": "3s"}})["key"])
    for _ in range(2):
        spend_a_dollar(client)
        eventually(lambda: client.chat("oai").status_code == 422, 10, "the budget is used up")
        eventually(lambda: client.chat("oai").status_code == 200, 10, "the next three seconds have begun")


def test_users_and_teams_have_budgets_of_models(admin):
    budgets = {"oai": {"budget_limit": 1}}
    user, client = user_key(admin, model_max_budget=budgets)
    spend_a_dollar(client)
    assert refused(client, "user").startswith(f"ExceededBudget: User={user} over budget for model=oai.")
    team, client = team_key(admin, {"model_max_budget": budgets})
    spend_a_dollar(client)
    assert refused(client, "team").startswith(f"ExceededBudget: Team={team} over budget for model=oai.")
    assert client.chat("ant").status_code == 200


def organization(admin, **fields):
    body = {"organization_id": name("organization"), "organization_alias": "of a test", **fields}
    return admin.ok(admin.post("/organization/new", body))["organization_id"]


def test_an_organisations_budget_holds_the_keys_of_its_teams(admin):
    made = organization(admin, max_budget=1)
    _, client = team_key(admin, {"organization_id": made})
    other = admin.with_key(admin.generate(organization_id=made)["key"])
    spend_a_dollar(client)
    assert refused(other, "organization").startswith(f"Budget has been exceeded! Organization={made} Current cost: 1.0")


def test_a_member_of_an_organisation_has_a_budget_there(admin):
    made = organization(admin, max_budget=100)
    user, elsewhere = user_key(admin)
    member = {"role": "internal_user", "user_id": user}
    body = {"organization_id": made, "member": member, "max_budget_in_organization": 1}
    admin.ok(admin.post("/organization/member_add", body))
    client = admin.with_key(admin.generate(organization_id=made, user_id=user)["key"])
    other = admin.with_key(admin.generate(organization_id=made)["key"])
    spend_a_dollar(client)
    message = refused(client, "member of an organisation")
    assert message.startswith(f"Budget has been exceeded! OrganizationMember={user}:{made} Current cost: 1.0")
    assert other.chat("oai").status_code == 200 and elsewhere.chat("oai").status_code == 200


def test_a_customers_budget_holds_their_calls_alone(admin):
    customer, other = name("customer"), name("customer")
    admin.ok(admin.post("/customer/new", {"user_id": customer, "max_budget": 0.5}))
    client = admin.with_key(admin.generate()["key"])
    spend_a_dollar(client, user=customer)
    assert refused(client, "customer", user=customer).startswith(f"ExceededBudget: End User={customer} over budget. Spend=1.0")
    assert client.chat("oai", user=other).status_code == 200


def test_a_tags_budget_holds_the_calls_that_name_it(admin):
    tag = name("tag")
    admin.ok(admin.post("/tag/new", {"name": tag, "max_budget": 1}))
    client = admin.with_key(admin.generate()["key"])
    spend_a_dollar(client, metadata={"tags": [tag]})
    assert refused(client, "tag", metadata={"tags": [tag]}).startswith(f"Budget has been exceeded! Tag={tag} Current cost: 1.0")
    assert client.chat("oai").status_code == 200


def test_a_keys_own_budget_comes_first(admin):
    _, client = team_key(admin, {"max_budget": 0.5}, max_budget=0.5)
    spend_a_dollar(client)
    assert refused(client, "key").startswith("Budget has been exceeded! Key=")


def test_what_cannot_be_read_refuses(up, admin):
    """Nothing makes such rows but a fault, so it is made behind everyone's back."""
    tag = name("tag")
    client = admin.with_key(admin.generate(metadata={"tags": [tag]})["key"])
    assert client.chat("oai").status_code == 200

    def change(text):
        with sqlite3.connect(up.data_dir / "bulkhead.db", timeout=30) as database:
            database.execute(text)
            (number,) = database.execute("UPDATE policy_clock SET seq = seq + 1 RETURNING seq").fetchone()
            row = (number, "tag", "", tag, "updated", "a-test")
            database.execute(
                "INSERT INTO policy_changes (seq, at, kind, within, key_hash, action, actor) VALUES (?, 1, ?, ?, ?, ?, ?)", row)

    change(f"INSERT INTO tags (name, models, model_info, created_at, updated_at) VALUES ('{tag}', 'no JSON', '{{}}', 1, 1)")
    response = eventually(lambda: (r := client.chat("oai")).status_code == 500 and r, 5, "the row cannot be read")
    assert error(response)["type"] == "policy_unreadable" and tag in error(response)["message"]
    assert admin.chat("oai").status_code == 200, "others go on"
    change(f"DELETE FROM tags WHERE name = '{tag}'")
    eventually(lambda: client.chat("oai").status_code == 200, 5, "the row is gone")


def test_what_the_gateway_holds_is_what_the_database_says(up, admin):
    user, _ = user_key(admin, max_budget=3, models=["oai"])
    budgets = {"oai": {"budget_limit": 1, "time_period": "1d"}, "ant": {"max_budget": 0}, "rates": {"rpm_limit": 3}}
    user_key(admin, model_max_budget=budgets)
    team_key(admin, {"model_max_budget": budgets}, model_max_budget=budgets)
    admin.ok(admin.post("/key/regenerate", {"key": admin.generate()["key"], "grace_period": "1h"}))
    admin.generate(allowed_routes=["/v1"], soft_budget=0.5, budget_limits=[{"budget_duration": "1h", "max_budget": 0.25}],
                   temp_budget_increase=2, temp_budget_expiry="2030-01-01T00:00:00Z")
    team, _ = team_key(admin, {"max_budget": 2, "budget_duration": "1d", "models": ["oai"], "model_aliases": {"ä": "oai"}})
    admin.ok(admin.post("/team/member_add", {"team_id": team, "member": {"role": "user", "user_id": user}, "max_budget_in_team": 1}))
    raised = {"team_id": team, "user_id": user, "temp_budget_increase": 2, "temp_budget_expiry": "2030-01-01T00:00:00Z"}
    admin.ok(admin.post("/team/member_update", raised))

    def agree():
        policy = admin.get("/health/readiness").json()["policy"]
        return policy["unreadable_accounts"] == 0 and policy["digest"] == sqlite_digest(up.data_dir / "bulkhead.db")
    eventually(agree, 10, "the digest of the database")
