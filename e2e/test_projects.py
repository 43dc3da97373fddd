"""Projects on the real binary: what a project may is what its keys may."""

from harness.process import eventually


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
