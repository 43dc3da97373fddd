"""What lies beside the four crossings: Azure's form, embeddings, models, legacy completions, headers, bytes."""

import json
import math

import openai
import pytest

from harness.bulkhead import PRICES, nano
from harness.upstream import script


@pytest.fixture
def client(up, key):
    with openai.OpenAI(base_url=f"{up.url}/v1", api_key=key, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("model", ["oai", "ant", "azure"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_azure_client(up, key, model, stream):
    with openai.AzureOpenAI(azure_endpoint=up.url, api_key=key, api_version="2024-10-21", max_retries=0) as client:
        answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}], stream=stream)
        if stream:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)
        else:
            text = answer.choices[0].message.content
    assert "user=hi;" in text


def test_azure_is_called_in_its_own_form(api, upstream):
    text, name = script()
    assert api.chat("azure", text).status_code == 200
    call = upstream.call(name)
    assert call["path"] == "/openai/deployments/up-azure/chat/completions"
    assert call["query"] == "api-version=2024-10-21"
    assert call["headers"]["api-key"] == "provider-key"


@pytest.mark.parametrize("path", [
    "/v1/chat/completions", "/chat/completions", "/engines/oai/chat/completions",
    "/openai/deployments/oai/chat/completions?api-version=2024-10-21",
])
def test_every_alias_of_chat(api, path):
    body = {"messages": [{"role": "user", "content": "hi"}]}
    if "/oai/" not in path:
        body["model"] = "oai"
    answer = api.ok(api.post(path, body))
    assert "user=hi;" in answer["choices"][0]["message"]["content"]


def test_embeddings(client, upstream, admin):
    raw = client.embeddings.with_raw_response.create(model="embed", input=["one two", "three"])
    answer = raw.parse()
    assert [len(item.embedding) for item in answer.data] == [8, 8]
    assert all(math.isfinite(number) for item in answer.data for number in item.embedding)
    assert answer.model == "embed" and answer.usage.prompt_tokens == 3
    row = admin.row(raw.headers["x-litellm-call-id"])
    assert (row["prompt_tokens"], row["completion_tokens"], nano(row["spend"])) == (3, 0, 3 * PRICES["input"])


@pytest.mark.parametrize("path", ["/v1/embeddings", "/embeddings", "/engines/embed/embeddings"])
def test_embeddings_as_numbers(api, path):
    answer = api.ok(api.post(path, {"model": "embed", "input": "hi", "dimensions": 3}))
    assert answer["object"] == "list" and len(answer["data"][0]["embedding"]) == 3


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_legacy_completions(client, stream):
    answer = client.completions.create(model="instruct", prompt="say it", stream=stream, max_tokens=100)
    parts = list(answer) if stream else [answer]
    text = "".join(part.choices[0].text for part in parts if part.choices)
    assert "user=say it;" in text
    assert parts[0].object == "text_completion"


def test_legacy_completions_on_a_chat_model(client):
    answer = client.completions.create(model="oai", prompt="say it", max_tokens=100)
    assert "user=say it;" in answer.choices[0].text


def test_the_models_that_a_key_may_use(up, admin, client):
    listed = {model.id for model in client.models.list()}
    assert {"oai", "ant", "azure", "embed"} <= listed
    assert client.models.retrieve("oai").id == "oai"
    narrow = admin.generate(models=["ant"])["key"]
    answer = admin.ok(admin.with_key(narrow).get("/v1/models"))
    assert [model["id"] for model in answer["data"]] == ["ant"] and answer["object"] == "list"


def test_a_model_that_is_not_there(api):
    assert api.get("/v1/models/nothing-like-it").status_code == 404


def test_a_wildcard_takes_the_name_along(api, upstream):
    text, name = script()
    answer = api.ok(api.chat("wild/blue", text))
    assert upstream.call(name)["model"] == "wild-blue"
    assert answer["model"] == "wild/blue"


@pytest.mark.parametrize("path", ["/health/liveliness", "/health/liveness", "/health/readiness"])
def test_probes_need_no_key(up, path):
    from harness.bulkhead import Api
    assert Api(up.url).get(path).status_code == 200


def test_metrics(admin, api):
    api.ok(api.chat("oai"))
    response = admin.get("/metrics")
    assert response.status_code == 200
    assert "# TYPE" in response.text and "requests" in response.text


def test_the_headers_of_an_answer(api, upstream):
    text, name = script("in=100 out=10")
    response = api.chat("oai", text)
    headers = response.headers
    assert len(headers["x-litellm-call-id"]) == 36
    assert headers["x-litellm-model-id"] == "id-oai"
    assert headers["x-litellm-model-group"] == "oai"
    assert headers["x-litellm-model-name"] == "openai/up-openai"
    assert headers["x-litellm-model-api-base"] == f"{upstream.url}/v1"
    assert nano(headers["x-litellm-response-cost"]) == 100 * PRICES["input"] + 10 * PRICES["output"]
    assert headers["x-litellm-attempted-retries"] == "0"
    assert float(headers["x-litellm-overhead-duration-ms"]) < float(headers["x-litellm-response-duration-ms"])
    assert headers["llm_provider-x-request-id"] == "req_scripted"
    assert headers["x-ratelimit-remaining-requests"] == "99"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_clients_call_id_is_kept(api, admin):
    call_id = "6f1c2f0e-0000-4000-8000-00000000abcd"
    response = api.post("/v1/chat/completions", {"model": "oai", "messages": [{"role": "user", "content": "hi"}]},
                        headers={"x-litellm-call-id": call_id})
    assert response.headers["x-litellm-call-id"] == call_id
    assert admin.row(call_id)["status"] == "success"


@pytest.mark.parametrize("header", [
    {"authorization": "Bearer {}"}, {"authorization": "bearer {}"}, {"api-key": "{}"}, {"x-api-key": "{}"},
    {"x-litellm-api-key": "{}"}, {"x-litellm-api-key": "Bearer {}", "authorization": "Bearer sk-not-this-one"},
    {"x-goog-api-key": "{}"}, {"ocp-apim-subscription-key": "{}"},
], ids=lambda header: "+".join(f"{name}" for name in header))
def test_every_place_a_key_may_come_in(up, key, upstream, header):
    from harness.bulkhead import Api
    text, name = script()
    headers = {field: value.format(key) for field, value in header.items()}
    body = {"model": "oai", "messages": [{"role": "user", "content": text}]}
    assert Api(up.url).post("/v1/chat/completions", body, headers=headers).status_code == 200
    sent = upstream.call(name)["headers"]
    assert sent["authorization"] == "Bearer provider-key"
    assert key not in json.dumps(sent), "the client's key must not reach the provider"


def test_unknown_fields_survive_both_ways(api, upstream):
    text, name = script()
    answer = api.ok(api.chat("oai", text, x_new={"deep": [1, {"a": None}]}, seed=7, logit_bias={"50256": -100}))
    sent = upstream.call(name)["body"]
    assert sent["x_new"] == {"deep": [1, {"a": None}]} and sent["seed"] == 7 and sent["logit_bias"] == {"50256": -100}
    assert sent["model"] == "up-openai"
    assert answer["x_unknown"] == {"kept": [1, 2.5, "é"]} and answer["system_fingerprint"] == "fp_scripted"

    body = {"model": "ant", "max_tokens": 50, "messages": [{"role": "user", "content": script()[0]}], "x_new": [1]}
    answer = api.ok(api.post("/v1/messages", body))
    assert answer["x_unknown"] == {"kept": [1, 2.5, "é"]}


def test_the_rest_of_the_bytes_are_untouched(api):
    text, _ = script()
    body = '{ "model" : "oai",\n "messages":[{"role":"user","content":"' + text + '"}], "x_number": 1.50, "x_big": 12345678901234567890123 }'
    response = api.post("/v1/chat/completions", content=body.encode(), headers={"content-type": "application/json"})
    assert response.status_code == 200
    assert '"kept":[1,2.5' in response.text or '"kept":[1,2.50' in response.text


def test_gateway_fields_do_not_reach_the_provider(api, upstream):
    text, name = script()
    response = api.chat("oai", text, num_retries=1, litellm_metadata={"a": "b"}, tags=["x"], guardrails=[], cache={"no-cache": True})
    assert response.status_code == 200
    sent = upstream.call(name)["body"]
    assert not set(sent) & {"num_retries", "litellm_metadata", "tags", "guardrails", "cache"}


def test_anthropic_beta_and_version_are_passed_on(api, upstream):
    text, name = script()
    body = {"model": "ant", "max_tokens": 50, "messages": [{"role": "user", "content": text}]}
    headers = {"anthropic-beta": "some-feature-2025-01-01", "anthropic-version": "2023-06-01"}
    assert api.post("/v1/messages", body, headers=headers).status_code == 200
    sent = upstream.call(name)["headers"]
    assert sent["anthropic-beta"] == "some-feature-2025-01-01" and sent["anthropic-version"] == "2023-06-01"
    assert sent["x-api-key"] == "provider-key"


def test_a_failed_call_is_tried_again(api, upstream):
    text, name = script("status=500 times=1")
    body = {"model": "oai", "messages": [{"role": "user", "content": text}]}
    response = api.post("/v1/chat/completions", body, headers={"x-litellm-num-retries": "2"})
    assert response.status_code == 200 and len(upstream.calls(name)) == 2
    assert response.headers["x-litellm-attempted-retries"] == "1"


def test_a_streamed_answer_arrives_piece_by_piece(api, upstream):
    """The first event is there long before the provider has finished."""
    text, name = script("words=4 gap_ms=150")
    body = {"model": "oai", "messages": [{"role": "user", "content": text}], "stream": True}
    with api.http.stream("POST", "/v1/chat/completions", json=body) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        lines = response.iter_lines()
        first = next(lines)
        assert first.startswith("data: ")
        assert upstream.call(name)["ended"] is None
        rest = list(lines)
    assert [line for line in rest if line][-1] == "data: [DONE]"


def test_a_stream_cut_into_single_bytes(api):
    text, _ = script("drip_us=0 say=caf\u00e9_\U0001f600_ok")
    for model in ("oai", "ant"):
        body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": True}
        response = api.post("/v1/chat/completions", body)
        chunks = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]
        said = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
        assert said == "café \U0001f600 ok"
