"""Projects on the real binary: what a project may do and spend is what its keys may."""

from harness.process import eventually
from test_budgets import name, refused, spend_a_dollar, team_key


def project_key(admin, team, **fields):
    made = admin.ok(admin.post("/project/new", {"project_id": name("project"), "team_id": team, **fields}))["project_id"]
    return made, admin.with_key(admin.generate(project_id=made)["key"])


def info(admin, project):
    return admin.ok(admin.get("/project/info", params={"project_id": project}))


def test_what_a_project_may_is_what_its_keys_may(admin):
    admin.ok(admin.post("/team/new", {"team_id": "team-of-project", "models": ["oai", "ant"]}))
    made = admin.ok(admin.post("/project/new", {"team_id": "team-of-project", "models": ["oai"], "max_budget": 100}))
    project = made["project_id"]
    key = admin.with_key(admin.generate(project_id=project)["key"])
    eventually(lambda: key.chat("oai").status_code == 200, 5)
    assert key.chat("ant").status_code == 403
    admin.ok(admin.post("/project/update", {"project_id": project, "models": []}))
    eventually(lambda: key.chat("ant").status_code == 200, 5)
    admin.ok(admin.post("/project/update", {"project_id": project, "blocked": True}))
    eventually(lambda: key.chat("oai").status_code == 401, 5)
    admin.ok(admin.post("/project/update", {"project_id": project, "blocked": False}))
    eventually(lambda: key.chat("oai").status_code == 200, 5)


def test_a_projects_budget_holds_all_its_keys_and_no_others(admin):
    team, outside = team_key(admin)
    project, client = project_key(admin, team, max_budget=1)
    other = admin.with_key(admin.generate(project_id=project)["key"])
    spend_a_dollar(client)
    message = refused(other, "project")
    assert message.startswith(f"Budget has been exceeded! Project={project} Current cost: 1.0") and message.endswith("Max budget: 1.0")
    assert outside.chat("oai").status_code == 200
    eventually(lambda: 1 <= info(admin, project)["spend"] < 1.01, 5, "what was spent is shown")
    listed = admin.ok(admin.get("/project/list", params={"team_id": team}))
    assert [(one["project_id"], one["spend"]) for one in listed] == [(project, info(admin, project)["spend"])]
    admin.ok(admin.post("/project/update", {"project_id": project, "max_budget": 5}))
    eventually(lambda: client.chat("oai").status_code == 200, 1, "a larger budget holds at once")


def test_a_projects_budget_begins_anew_at_its_time(admin):
    team, _ = team_key(admin)
    project, client = project_key(admin, team, max_budget=1, budget_duration="3s")
    for _ in range(2):
        spend_a_dollar(client)
        eventually(lambda: client.chat("oai").status_code == 422, 10, "the budget is used up")
        eventually(lambda: client.chat("oai").status_code == 200, 10, "the next three seconds have begun")
    eventually(lambda: info(admin, project)["spend"] < 1, 10, "what counts, not what was ever spent")


def test_of_the_budgets_of_project_and_team_the_smaller_holds(admin):
    team, outside = team_key(admin, {"max_budget": 2})
    project, client = project_key(admin, team, max_budget=1)
    spend_a_dollar(client)
    assert refused(client, "project").startswith(f"Budget has been exceeded! Project={project} ")
    spend_a_dollar(outside)
    assert refused(outside, "team").startswith(f"Budget has been exceeded! Team={team} Current cost: 2.0")
    assert refused(client, "team").startswith(f"Budget has been exceeded! Team={team} ")
