"""Users in teams from the beginning, and what goes with a team, on the real binary."""

from harness.process import eventually


def test_a_new_user_works_in_their_team_and_what_is_its_own_goes_with_it(admin):
    admin.ok(admin.post("/team/new", {"team_id": "team-of-places", "models": ["oai"]}))
    made = admin.ok(admin.post("/user/new", {"user_id": "user-of-places", "teams": ["team-of-places"], "auto_create_key": False}))
    assert made["teams"] == ["team-of-places"]
    key = admin.with_key(admin.generate(team_id="team-of-places", user_id="user-of-places")["key"])
    eventually(lambda: key.chat("oai").status_code == 200, 5)
    eventually(lambda: key.chat("ant").status_code == 403, 5)
    changed = admin.ok(admin.post("/team/key/bulk_update", {
        "team_id": "team-of-places", "all_keys_in_team": True, "update_fields": {"blocked": True},
    }))
    assert len(changed["successful_updates"]) == 1
    eventually(lambda: key.chat("oai").status_code == 401, 5)


def test_settings_say_what_acts(admin):
    router = admin.ok(admin.get("/router/settings"))
    assert router["current_values"]["routing_strategy"] == "simple-shuffle"
    listed = {one["field_name"]: one for one in admin.ok(admin.get("/config/list", params={"config_type": "general_settings"}))}
    assert listed["master_key"]["acts"] and admin.key not in str(listed)
    assert admin.post("/config/update", {"router_settings": {"num_retries": 9}}).status_code == 400
