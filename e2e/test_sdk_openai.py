"""The official OpenAI SDK for Python against both providers, streaming and not."""

import json

import openai
import pytest

from harness.bulkhead import cost_nano
from harness.samples import CALLS, IMAGE_URL, OPENAI_TOOL, PERSON, PERSON_SCHEMA, PNG, PNG_BASE64, PROVIDERS
from harness.upstream import script

pytestmark = pytest.mark.parametrize("model", PROVIDERS)
streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture
def client(up, key):
    with openai.OpenAI(base_url=f"{up.url}/v1", api_key=key, max_retries=0) as client:
        yield client


class Answer:
    """A finished answer, whole or put together from its chunks the way an application does."""

    def __init__(self):
        self.text, self.calls, self.finish, self.usage, self.model, self.id = "", [], None, None, None, None
        self.chunks = 0


def ask(client, stream, **request):
    answer = Answer()
    if not stream:
        completion = client.chat.completions.create(**request)
        choice = completion.choices[0]
        answer.text, answer.finish = choice.message.content or "", choice.finish_reason
        answer.calls = [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls or []]
        answer.usage, answer.model, answer.id = completion.usage, completion.model, completion.id
        assert choice.message.role == "assistant" and completion.object == "chat.completion"
        return answer
    calls = {}
    for chunk in client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **request):
        answer.chunks += 1
        assert chunk.object == "chat.completion.chunk"
        assert answer.id in (None, chunk.id), "the id changes within a stream"
        answer.id, answer.model = chunk.id, chunk.model
        answer.usage = chunk.usage or answer.usage
        for choice in chunk.choices:
            answer.text += choice.delta.content or ""
            answer.finish = choice.finish_reason or answer.finish
            for part in choice.delta.tool_calls or []:
                call = calls.setdefault(part.index, {"id": None, "name": "", "arguments": ""})
                call["id"] = part.id or call["id"]
                call["name"] += part.function.name or ""
                call["arguments"] += part.function.arguments or ""
    assert list(calls) == list(range(len(calls))), "tool calls are not numbered from 0"
    answer.calls = [(call["id"], call["name"], call["arguments"]) for call in calls.values()]
    return answer


def user(text):
    return {"role": "user", "content": text}


@streaming
def test_a_conversation_with_a_system_prompt(client, upstream, model, stream):
    text, name = script()
    answer = ask(client, stream, model=model, messages=[
        {"role": "system", "content": "Be brief"}, user("first"), {"role": "assistant", "content": "yes"}, user(text),
    ])
    assert "user=hello;" in answer.text and "system=Be brief" in answer.text
    assert answer.finish == "stop"
    assert answer.model == model, "the name that the client asked for is shown"
    if stream:
        assert answer.chunks > 5
    billed = upstream.ended(name)["billed"]
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (billed["input"], billed["output"])
    assert answer.usage.total_tokens == billed["input"] + billed["output"]


@streaming
def test_parallel_tool_calls_and_their_results(client, model, stream):
    first = [user("weather?")]
    answer = ask(client, stream, model=model, messages=first, tools=[OPENAI_TOOL])
    assert answer.finish == "tool_calls"
    assert [name for _, name, _ in answer.calls] == ["get_weather"] * 2
    assert [json.loads(arguments) for _, _, arguments in answer.calls] == CALLS
    assert len({call_id for call_id, _, _ in answer.calls}) == 2

    turn = {"role": "assistant", "content": None, "tool_calls": [
        {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        for call_id, name, arguments in answer.calls
    ]}
    results = [
        {"role": "tool", "tool_call_id": call_id, "content": f"{degrees}C"}
        for (call_id, _, _), degrees in zip(answer.calls, (21, 14))
    ]
    final = ask(client, stream, model=model, messages=[*first, turn, *results], tools=[OPENAI_TOOL])
    assert f"results={answer.calls[0][0]}:21C|{answer.calls[1][0]}:14C" in final.text
    assert final.finish == "stop" and final.calls == []


@streaming
def test_text_before_a_call(client, model, stream):
    text, _ = script("preamble calls=1")
    answer = ask(client, stream, model=model, messages=[user(text)], tools=[OPENAI_TOOL])
    assert answer.text == "Let me look that up." and len(answer.calls) == 1


@pytest.mark.parametrize("choice, calls", [
    ("none", 0), ("auto", 2), ("required", 2), ({"type": "function", "function": {"name": "get_weather"}}, 2),
], ids=["none", "auto", "required", "named"])
def test_tool_choice(client, model, choice, calls):
    answer = ask(client, False, model=model, messages=[user("weather?")], tools=[OPENAI_TOOL], tool_choice=choice)
    assert len(answer.calls) == calls


def test_one_call_at_a_time(client, model):
    answer = ask(client, False, model=model, messages=[user("?")], tools=[OPENAI_TOOL], parallel_tool_calls=False)
    assert len(answer.calls) == 1


@streaming
def test_images_as_data_and_by_url(client, model, stream):
    answer = ask(client, stream, model=model, messages=[{"role": "user", "content": [
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"}},
        {"type": "image_url", "image_url": {"url": IMAGE_URL, "detail": "low"}},
    ]}])
    assert f"images=image/png:{len(PNG)}|url:{IMAGE_URL}" in answer.text


@streaming
def test_stop_sequences(client, model, stream):
    answer = ask(client, stream, model=model, messages=[user("count")], stop=["four", "never"])
    assert answer.finish == "stop" and answer.text.endswith("one two three ")
    answer = ask(client, stream, model=model, messages=[user("count")], stop="two")
    assert answer.text.endswith("one ")


@streaming
def test_the_token_limit(client, model, stream):
    answer = ask(client, stream, model=model, messages=[user("count")], max_tokens=3)
    assert answer.finish == "length" and len(answer.text.split()) == 3
    answer = ask(client, stream, model=model, messages=[user("count")], max_completion_tokens=2)
    assert answer.finish == "length" and len(answer.text.split()) == 2


@streaming
def test_json_schema_output(client, model, stream):
    answer = ask(client, stream, model=model, messages=[user("who?")], response_format={
        "type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": PERSON_SCHEMA},
    })
    assert json.loads(answer.text) == PERSON
    assert answer.finish == "stop" and answer.calls == []


@streaming
def test_cached_tokens_are_reported_and_charged(client, admin, upstream, model, stream):
    text, name = script("in=1000 out=50 cached=600" + (" cache_write=100" if model == "ant" else ""))
    with_response = client.chat.completions.with_raw_response
    request = {"model": model, "messages": [user(text)]}
    if stream:
        raw = with_response.create(stream=True, stream_options={"include_usage": True}, **request)
        usage = [chunk.usage for chunk in raw.parse() if chunk.usage][-1]
    else:
        raw = with_response.create(**request)
        usage = raw.parse().usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (1000, 50)
    assert usage.prompt_tokens_details.cached_tokens == 600
    billed = upstream.ended(name)["billed"]
    row = admin.row(raw.headers["x-litellm-call-id"])
    assert round(row["spend"] * 1e9) == cost_nano(billed)


@streaming
def test_reasoning_is_counted(client, model, stream):
    answer = ask(client, stream, model=model, messages=[user("think")], reasoning_effort="low", max_completion_tokens=8000)
    assert "user=think" in answer.text
    if model == "oai":
        assert answer.usage.completion_tokens_details.reasoning_tokens == 9


def test_reasoning_text_reaches_the_client(client, model):
    text, _ = script("reasoning" if model == "oai" else "")
    completion = client.chat.completions.create(
        model=model, messages=[user(text)], reasoning_effort="low", max_completion_tokens=8000,
    )
    assert completion.choices[0].message.reasoning_content == "The user asks; I look at it and answer."


def test_usage_is_hidden_from_who_did_not_ask(client, model):
    chunks = list(client.chat.completions.create(model=model, messages=[user("hi")], stream=True))
    assert all(chunk.usage is None for chunk in chunks)
    assert all(chunk.choices for chunk in chunks)


def test_the_end_user_is_passed_on(client, model):
    answer = ask(client, False, model=model, messages=[user("hi")], user="customer-7")
    assert "end_user=customer-7" in answer.text


def test_the_stream_helper(client, model):
    with client.chat.completions.stream(model=model, messages=[user("hi")], tools=[OPENAI_TOOL], tool_choice="none") as stream:
        stream.until_done()
    final = stream.get_final_completion()
    assert "user=hi" in final.choices[0].message.content and final.choices[0].finish_reason == "stop"


def test_async_client(up, key, model):
    import asyncio

    async def main():
        async with openai.AsyncOpenAI(base_url=f"{up.url}/v1", api_key=key, max_retries=0) as client:
            answers = await asyncio.gather(*(
                client.chat.completions.create(model=model, messages=[user(f"n{n}")]) for n in range(8)
            ))
            return [answer.choices[0].message.content for answer in answers]

    for n, text in enumerate(asyncio.run(main())):
        assert f"user=n{n};" in text


# Each error uses a deployment of its own, since some send theirs into cool-down.
ERRORS = [
    (0, 400, openai.BadRequestError), (1, 403, openai.PermissionDeniedError), (2, 404, openai.NotFoundError),
    (3, 429, openai.RateLimitError), (4, 500, openai.InternalServerError), (5, 503, openai.InternalServerError),
    (6, 422, openai.UnprocessableEntityError),
]


@streaming
@pytest.mark.parametrize("slot, status, error", ERRORS, ids=[str(status) for _, status, _ in ERRORS])
def test_the_providers_errors_are_typed(client, model, stream, slot, status, error):
    text, _ = script(f"status={status} message=too_much_of_it retry_after=1")
    # A cool-down of the whole-answer case must not answer for the streamed one.
    deployment = f"{model}-{slot + (8 if stream else 0)}"
    with pytest.raises(error) as caught:
        answer = client.chat.completions.create(model=deployment, messages=[user(text)], stream=stream)
        list(answer)
    assert caught.value.status_code == status
    assert "too much of it" in caught.value.message
    assert set(caught.value.body) >= {"message", "type", "param", "code"}
    assert caught.value.body["code"] == str(status)
    if status == 429:
        assert caught.value.response.headers["retry-after"] == "1"


def test_a_break_in_the_stream_is_an_error_for_the_application(client, model):
    text, _ = script("words=50 error_after=9 message=overloaded_now")
    seen = ""
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(model=model, messages=[user(text)], stream=True):
            seen += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    assert "overloaded now" in str(caught.value)
    assert seen.startswith("w0 w1 ")
