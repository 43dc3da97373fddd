"""Routes beside the nouns, against the real binary: defaults, access groups, health from calls, sign-in by a form."""

import uuid

import httpx

from harness.process import eventually


def test_new_users_have_the_defaults(admin):
    defaults = {"max_budget": 3, "models": ["oai"]}
    admin.ok(admin.http.patch("/update/internal_user_settings", json=defaults))
    try:
        name = f"user-{uuid.uuid4()}"
        made = admin.ok(admin.post("/user/new", {"user_id": name}))
        assert (made["max_budget"], made["models"]) == (3, ["oai"])
    finally:
        admin.ok(admin.http.patch("/update/internal_user_settings", json={"max_budget": None, "models": None}))


def test_health_tells_of_calls(admin):
    assert admin.chat("oai").status_code == 200

    def called():
        health = admin.ok(admin.get("/health", params={"model": "oai"}))
        return any(one["answered_calls"] for one in health["healthy_endpoints"])

    eventually(called)
    assert admin.get("/health", params={"model": "no-such-model"}).status_code == 503


def test_utilities(admin):
    body = {"model": "oai", "messages": [{"role": "user", "content": "How many tokens are these?"}]}
    count = admin.ok(admin.post("/utils/token_counter", body))
    assert 5 < count["total_tokens"] < 20
    params = admin.ok(admin.get("/utils/supported_openai_params", params={"model": "oai"}))
    assert "temperature" in params["supported_openai_params"]
    costs = httpx.get(admin.url + "/public/litellm_model_cost_map").json()
    assert costs["gpt-4o"]["input_cost_per_token"] > 0


def test_probes_are_the_gateways_and_the_rest_of_health_the_backends(admin):
    assert httpx.get(admin.url + "/health/liveliness").json() == "I'm alive!"
    assert admin.ok(admin.get("/health/readiness/details"))["db"] == "connected"
    assert httpx.get(admin.url + "/health/license").status_code == 401


def test_a_form_signs_in(admin):
    page = httpx.get(admin.url + "/fallback/login")
    assert page.status_code == 200 and "<form" in page.text
    wrong = httpx.post(admin.url + "/login", data={"username": "admin", "password": "wrong"})
    assert wrong.status_code == 401
