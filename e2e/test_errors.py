"""The error matrix: status, type, param and the start of each message, as clients know them."""

import hashlib

import anthropic
import openai
import pytest

from harness.bulkhead import Api
from harness.process import eventually
from harness.upstream import script

CHAT = {"model": "oai", "messages": [{"role": "user", "content": "hi"}]}


def refused(response, status, kind, param, message):
    """The one shape of an error, with these facts."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["message"].startswith(message), error["message"]
    assert (error["type"], error.get("param"), error["code"]) == (kind, param, str(status))
    assert len(response.headers["x-litellm-call-id"]) == 36
    return error


def test_no_key(up):
    for path in ("/v1/chat/completions", "/v1/embeddings"):
        refused(Api(up.url).post(path, CHAT), 401, "auth_error", "None", "Authentication Error, No api key passed in.")
    response = Api(up.url).post("/v1/messages", CHAT)
    assert response.status_code == 401 and response.json()["type"] == "error", "in the shape of the client's dialect"
    assert response.json()["error"]["type"] == "authentication_error"
    assert response.json()["error"]["message"].startswith("Authentication Error, No api key passed in.")


def test_no_bearer(up):
    response = Api(up.url).post("/v1/chat/completions", CHAT, headers={"authorization": "sk-something-0123456789"})
    refused(response, 401, "auth_error", "None", "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.")


def test_not_a_virtual_key(up):
    response = Api(up.url, "abcd-not-a-key-wxyz").chat("oai")
    error = refused(response, 401, "auth_error", "None", "")
    assert "LiteLLM Virtual Key expected. Received=abcd****wxyz, expected to start with 'sk-'" in error["message"]


def test_an_unknown_key(up):
    key = "sk-unknown-0123456789abcd"
    digest = hashlib.sha256(key.encode()).hexdigest()
    error = refused(Api(up.url, key).chat("oai"), 401, "token_not_found_in_db", "key",
                    "Authentication Error, Invalid proxy server token passed. Received API Key = sk-...abcd, Key Hash (Token) =")
    assert digest in error["message"] and key not in error["message"]


def test_a_raw_hash_is_no_key(admin):
    made = admin.generate()
    assert admin.with_key(made["token"]).chat("oai").status_code == 401


def test_a_blocked_key(admin):
    made = admin.generate(blocked=True)
    refused(admin.with_key(made["key"]).chat("oai"), 401, "auth_error", "None", "Authentication Error, Key is blocked. Update via `/key/unblock`")


def test_an_expired_key(admin):
    made = admin.generate(duration="1s")
    key = admin.with_key(made["key"])
    response = eventually(lambda: (answer := key.chat("oai")).status_code == 401 and answer, 3)
    refused(response, 401, "expired_key", "sk-..." + made["key"][-4:], "Authentication Error - Expired Key. Key Expiry time ")


def test_a_denied_model(admin):
    key = admin.with_key(admin.generate(models=["ant"])["key"])
    refused(key.chat("oai"), 403, "key_model_access_denied", "model", "The requested model 'oai' is not available for this API key, or the model name is invalid.")


def test_over_budget(admin, upstream):
    made = admin.generate(max_budget=0.001)
    key = admin.with_key(made["key"])
    text, _ = script("in=1000 out=100")
    assert key.chat("oai", text, max_tokens=20).status_code == 200
    response = eventually(lambda: (answer := key.chat("oai", max_tokens=20)).status_code != 200 and answer, 5)
    error = refused(response, 422, "budget_exceeded", None, "Budget has been exceeded! Key=")
    assert "Current cost: 0.0045" in error["message"] and "Max budget: 0.001" in error["message"]
    assert admin.ok(admin.post("/key/update", {"key": made["key"], "max_budget": 10}))["max_budget"] == 10
    eventually(lambda: key.chat("oai").status_code == 200, 2)


def test_an_unknown_model(api):
    message = "/chat/completions: Invalid model name passed in model=nothing. Call `/v1/models` to view available models for your key."
    refused(api.chat("nothing"), 400, "invalid_request_error", None, message)


def test_no_model(api):
    response = api.post("/v1/chat/completions", {"messages": CHAT["messages"]})
    refused(response, 400, "invalid_request_error", None, "/chat/completions: Invalid model name passed in model=")


def test_no_messages(api):
    response = api.post("/v1/chat/completions", {"model": "oai"})
    refused(response, 400, "invalid_request_error", "messages", "/chat/completions: Missing required parameter: 'messages'.")


def test_banned_parameters(api):
    for name in ("api_base", "base_url"):
        response = api.post("/v1/chat/completions", {**CHAT, name: "http://127.0.0.1:1"})
        refused(response, 401, "auth_error", "None", f"Authentication Error, Rejected Request: {name} is not allowed in request body.")


def test_a_wrong_provider_key(api):
    error = refused(api.chat("wrong-key"), 401, "authentication_error", None,
                    "litellm.AuthenticationError: AuthenticationError: OpenAIException - ")
    assert "provider-key" not in error["message"]
    # A deployment whose key is refused rests at once, even alone in its group.
    response = eventually(lambda: (answer := api.chat("wrong-key")).status_code == 429 and answer, 2)
    refused(response, 429, "all_deployments_in_cooldown", None, "No deployments available for selected model, Try again in ")
    assert int(response.headers["retry-after"]) >= 1


def test_a_provider_that_is_not_there(api):
    refused(api.chat("nowhere"), 500, "internal_server_error", None,
            "litellm.InternalServerError: InternalServerError: OpenAIException - Connection error.")


def test_a_provider_that_does_not_answer_in_time(api, upstream):
    text, name = script("hang")
    refused(api.chat("patient", text), 408, "invalid_request_error", None, "litellm.Timeout: ")
    assert upstream.ended(name, 2)["ended"] == "disconnected"


@pytest.mark.parametrize("message, start", [
    ("This_model's_maximum_context_length_is_8_tokens", "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - "),
    ("against_the_content_management_policy", "litellm.BadRequestError: litellm.ContentPolicyViolationError: "),
    ("just_wrong", "litellm.BadRequestError: OpenAIException - just wrong"),
])
def test_a_providers_400_is_told_apart(api, message, start):
    text, _ = script(f"status=400 message={message}")
    refused(api.chat("oai", text), 400, "invalid_request_error", None, start)


def test_a_limited_provider(api):
    text, _ = script("status=429 retry_after=3")
    response = api.chat("oai", text)
    refused(response, 429, "throttling_error", None, "litellm.RateLimitError: RateLimitError: OpenAIException - ")
    assert response.headers["retry-after"] == "3"


def test_errors_of_messages_have_anthropics_shape(api):
    for model, status, kind in (("nothing", 400, "invalid_request_error"),):
        response = api.post("/v1/messages", {"model": model, "max_tokens": 5, "messages": CHAT["messages"]})
        assert response.status_code == status
        assert response.json()["type"] == "error" and response.json()["error"]["type"] == kind


def test_missing_fields_of_messages(api):
    response = api.post("/v1/messages", {"model": "ant", "max_tokens": 5})
    assert response.status_code == 400 and response.json()["error"]["type"] == "invalid_request_error"
    assert "messages" in response.json()["error"]["message"]


def test_our_errors_are_told_apart_from_a_providers(api):
    ours, theirs = api.chat("nothing"), api.chat("oai", script("status=500")[0])
    apart = {name for name in ours.headers if ours.headers[name] != theirs.headers.get(name)} - {
        "content-length", "date", "x-litellm-call-id",
    }
    assert any("source" in name or "error" in name for name in apart), apart


def test_unknown_routes(admin):
    response = admin.get("/nothing/here")
    assert response.status_code == 404 and response.json() == {"detail": "Not Found"}


def test_a_wrong_method(api):
    response = api.get("/v1/chat/completions")
    assert response.status_code == 405


def test_the_sdks_see_their_own_errors(up, admin):
    blocked = admin.generate(blocked=True)["key"]
    narrow = admin.generate(models=["ant"])["key"]
    cases = [("sk-unknown-0123456789abcd", "AuthenticationError"), (blocked, "AuthenticationError"), (narrow, "PermissionDeniedError")]
    for key, name in cases:
        with openai.OpenAI(base_url=f"{up.url}/v1", api_key=key, max_retries=0) as client, pytest.raises(getattr(openai, name)):
            client.chat.completions.create(**CHAT)
        with anthropic.Anthropic(base_url=up.url, api_key=key, max_retries=0) as client, pytest.raises(getattr(anthropic, name)):
            client.messages.create(max_tokens=5, **CHAT)
    with openai.OpenAI(base_url=f"{up.url}/v1", api_key=admin.key, max_retries=0) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model="nothing", messages=CHAT["messages"])
        assert caught.value.type == "invalid_request_error"
