"""Virtual keys through their whole life."""

import hashlib
import time

import pytest

from harness.process import eventually


def sha256(key):
    return hashlib.sha256(key.encode()).hexdigest()


def test_a_new_key_works_at_once(admin):
    for _ in range(5):
        made = admin.generate()
        assert admin.with_key(made["key"]).chat("oai").status_code == 200


def test_what_generate_answers(admin):
    made = admin.generate(key_alias="alias-of-a-test", models=["oai"], max_budget=2.5, duration="30d", metadata={"team": "blue"})
    assert made["key"].startswith("sk-") and len(made["key"]) == 25
    assert made["token"] == made["token_id"] == sha256(made["key"])
    assert made["key_name"] == "sk-..." + made["key"][-4:]
    assert (made["key_alias"], made["models"], made["max_budget"]) == ("alias-of-a-test", ["oai"], 2.5)
    assert made["metadata"] == {"team": "blue"} and made["expires"]


def test_info_by_key_by_hash_and_of_oneself(admin):
    made = admin.generate(max_budget=1)
    for shown in (made["key"], made["token"]):
        answer = admin.ok(admin.get("/key/info", params={"key": shown}))
        assert answer["key"] == shown and answer["info"]["max_budget"] == 1 and answer["info"]["spend"] == 0
        assert made["key"] not in str(answer["info"])
    own = admin.ok(admin.with_key(made["key"]).get("/key/info"))
    assert own["info"]["key_name"] == made["key_name"]


def test_info_of_an_unknown_key(admin):
    response = admin.get("/key/info", params={"key": "0" * 64})
    assert response.status_code == 404
    error = response.json()["error"]
    assert (error["type"], error["param"], error["code"]) == ("not_found_error", "key", "404")


def test_list_has_pages(admin):
    hashes = {admin.generate()["token"] for _ in range(3)}
    page = admin.ok(admin.get("/key/list", params={"page": 1, "size": 2}))
    assert len(page["keys"]) == 2 and page["current_page"] == 1
    assert page["total_count"] >= 3 and page["total_pages"] == -(-page["total_count"] // 2)
    every = set()
    for number in range(1, page["total_pages"] + 1):
        every |= set(admin.ok(admin.get("/key/list", params={"page": number, "size": 2}))["keys"])
    assert hashes <= every
    whole = admin.ok(admin.get("/key/list", params={"size": 1, "return_full_object": "true"}))["keys"][0]
    assert set(whole) >= {"token", "key_name", "spend", "max_budget", "models", "expires"}


def test_a_key_made_with_the_callers_own_value(admin):
    own = "sk-own-value-0123456789"
    made = admin.generate(key=own)
    assert made["key"] == own
    assert admin.with_key(own).chat("oai").status_code == 200
    assert admin.post("/key/generate", {"key": "sk-short"}).status_code == 400
    assert admin.post("/key/generate", {"key": "no-prefix-0123456789"}).status_code == 400


def test_an_alias_is_taken_once(admin):
    admin.generate(key_alias="only-once")
    response = admin.post("/key/generate", {"key_alias": "only-once"})
    assert response.status_code == 400 and "alias" in response.json()["error"]["message"]


@pytest.mark.parametrize("body", [
    {"max_budget": -1}, {"max_budget": "much"}, {"duration": "soon"}, {"models": "oai"}, {"metadata": [1]},
], ids=lambda body: "-".join(map(str, next(iter(body.items())))))
def test_nonsense_is_refused(admin, body):
    assert admin.post("/key/generate", body).status_code in (400, 422)


def within_a_second(check):
    started = time.monotonic()
    eventually(check, 5)
    took = time.monotonic() - started
    assert took < 1.0, f"took {took:.2f} s"


def test_update_takes_effect_within_a_second(admin):
    made = admin.generate(models=["oai"])
    key = admin.with_key(made["key"])
    assert key.chat("ant").status_code == 403
    answer = admin.ok(admin.post("/key/update", {"key": made["key"], "models": ["ant"], "max_budget": 3}))
    assert answer["models"] == ["ant"] and answer["max_budget"] == 3
    within_a_second(lambda: key.chat("ant").status_code == 200)
    assert key.chat("oai").status_code == 403
    cleared = admin.ok(admin.post("/key/update", {"key": made["token"], "max_budget": None}))
    assert cleared["max_budget"] is None and cleared["models"] == ["ant"], "what is not sent stays"


def test_block_and_unblock(admin):
    made = admin.generate()
    key = admin.with_key(made["key"])
    assert key.chat("oai").status_code == 200
    assert admin.ok(admin.post("/key/block", {"key": made["key"]}))["blocked"] is True
    within_a_second(lambda: key.chat("oai").status_code == 401)
    assert "Key is blocked" in key.chat("oai").json()["error"]["message"]
    assert admin.ok(admin.post("/key/unblock", {"key": made["token"]}))["blocked"] is False
    within_a_second(lambda: key.chat("oai").status_code == 200)
    assert admin.post("/key/block", {"key": "sk-" + "x" * 22}).status_code == 404


def test_a_deleted_key_is_unknown(admin):
    made = admin.generate()
    key = admin.with_key(made["key"])
    assert key.chat("oai").status_code == 200
    assert admin.ok(admin.post("/key/delete", {"keys": [made["key"]]}))["deleted_keys"] == [made["key"]]
    within_a_second(lambda: key.chat("oai").status_code == 401)
    assert key.chat("oai").json()["error"]["type"] == "token_not_found_in_db"
    assert admin.ok(admin.get("/key/info", params={"key": made["key"]}))["info"]["status"] == "deleted"


def test_delete_by_alias(admin):
    made = admin.generate(key_alias="to-be-deleted")
    admin.ok(admin.post("/key/delete", {"key_aliases": ["to-be-deleted"]}))
    within_a_second(lambda: admin.with_key(made["key"]).chat("oai").status_code == 401)


def test_a_key_expires_on_time(admin):
    made = admin.generate(duration="1s")
    key = admin.with_key(made["key"])
    assert key.chat("oai").status_code == 200
    eventually(lambda: key.chat("oai").status_code == 401, 3)
    error = key.chat("oai").json()["error"]
    assert error["type"] == "expired_key" and error["param"] == "sk-..." + made["key"][-4:]


def test_an_alias_of_a_model(admin, upstream):
    made = admin.generate(aliases={"my-model": "oai"}, models=["my-model"])
    assert admin.with_key(made["key"]).chat("my-model").status_code == 200


def test_a_wildcard_in_a_keys_models(admin):
    key = admin.with_key(admin.generate(models=["wild/*"])["key"])
    assert key.chat("wild/green").status_code == 200
    assert key.chat("oai").status_code == 403


@pytest.mark.parametrize("path, body", [
    ("/key/generate", {}), ("/key/block", {"key": "0" * 64}), ("/key/delete", {"keys": ["0" * 64]}),
    ("/key/update", {"key": "0" * 64}),
])
def test_a_virtual_key_manages_nothing(api, path, body):
    response = api.post(path, body)
    assert response.status_code in (401, 403)
    assert response.json()["error"]["type"] == "auth_error"


def test_management_without_a_key(up):
    from harness.bulkhead import Api
    anyone = Api(up.url)
    assert anyone.post("/key/generate", {}).status_code == 401
    assert anyone.get("/spend/logs").status_code == 401
    assert anyone.with_key("sk-wrong-0123456789").get("/key/list").status_code == 401


def test_a_key_that_is_held_to_routes_calls_no_others(admin):
    manager = admin.with_key(admin.generate(key_type="management")["key"])
    for response in (manager.chat("oai"), manager.get("/v1/models"), manager.post("/v1/messages/count_tokens", {})):
        error = response.json()["error"]
        assert response.status_code == 403, response.text
        assert error["message"].startswith("Virtual key is not allowed to call this route. Only allowed to call routes: ")
    denied = manager.chat("oai").json()["error"]
    assert (denied["type"], denied["param"], denied["code"]) == ("auth_error", "None", "403")
    assert '["management_routes"]. Tried to call route: /v1/chat/completions' in denied["message"]
    caller = admin.with_key(admin.generate(key_type="llm_api")["key"])
    assert caller.chat("oai").status_code == 200 and caller.get("/v1/models").status_code == 200
    made = admin.generate(allowed_routes=["/v1/messages"])["key"]
    one = admin.with_key(made)
    assert one.chat("oai").status_code == 403
    assert one.post("/v1/messages/count_tokens", {"model": "oai", "messages": []}).status_code == 200
    admin.ok(admin.post("/key/update", {"key": made, "allowed_routes": []}))
    eventually(lambda: one.chat("oai").status_code == 200, 1)


def test_an_old_secret_works_until_its_grace_ends(admin):
    made = admin.generate(max_budget=5)
    old = admin.with_key(made["key"])
    assert old.chat("oai").status_code == 200
    new = admin.ok(admin.post("/key/regenerate", {"key": made["key"], "grace_period": "3s"}))
    # Not once is the old secret refused before its end.
    began = time.monotonic()
    answers = []
    while time.monotonic() - began < 2:
        answers.append(old.chat("oai"))
    assert {answer.status_code for answer in answers} == {200}
    assert admin.with_key(new["key"]).chat("oai").status_code == 200
    row = admin.row(answers[-1].headers["x-litellm-call-id"])
    assert row["api_key"] == new["token"], "what it spends is the key's"
    error = eventually(lambda: (r := old.chat("oai")).status_code == 401 and r, 5, "the grace is over").json()["error"]
    assert error["type"] == "token_not_found_in_db"
    assert admin.with_key(new["key"]).chat("oai").status_code == 200
