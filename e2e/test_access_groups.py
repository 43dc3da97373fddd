"""Access groups: what they grant at a gateway, and how soon."""

from harness.process import eventually


def group(admin, **fields):
    made = admin.post("/v1/access_group", fields)
    assert made.status_code == 201, made.text
    return made.json()


def status(api, model):
    return api.chat(model).status_code


def test_a_key_calls_the_models_of_its_groups(admin):
    made = admin.generate(models=["ant"])
    key = admin.with_key(made["key"])
    assert (status(key, "ant"), status(key, "oai")) == (200, 403)
    one = group(admin, access_group_name="of-a-key", access_model_names=["oai"], assigned_key_ids=[made["token"]])
    eventually(lambda: status(key, "oai") == 200, 5)
    assert {model["id"] for model in admin.ok(key.get("/v1/models"))["data"]} == {"ant", "oai"}
    # Without models a group grants none.
    path = f"/v1/access_group/{one['access_group_id']}"
    admin.ok(admin.put(path, {"access_model_names": []}))
    eventually(lambda: status(key, "oai") == 403, 5)
    admin.ok(admin.put(path, {"access_model_names": ["o*"]}))
    eventually(lambda: status(key, "oai") == 200, 5)
    assert admin.delete(path).status_code == 204
    eventually(lambda: status(key, "oai") == 403, 5)
    assert status(key, "ant") == 200


def test_a_group_of_a_key_is_no_way_around_its_team(admin):
    admin.ok(admin.post("/team/new", {"team_id": "grouped", "models": ["ant"]}))
    one = group(admin, access_group_name="of-a-team", access_model_names=["oai"])
    key = admin.with_key(admin.generate(team_id="grouped", models=["ant"], access_group_ids=[one["access_group_id"]])["key"])
    assert (status(key, "ant"), status(key, "oai")) == (200, 403)
    path = f"/v1/access_group/{one['access_group_id']}"
    admin.ok(admin.put(path, {"assigned_team_ids": ["grouped"]}))
    eventually(lambda: status(key, "oai") == 200, 5)
