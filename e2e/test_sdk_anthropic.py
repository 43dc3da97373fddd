"""The official Anthropic SDK for Python against both providers, streaming and not."""

import anthropic
import pytest

from harness.bulkhead import cost_nano
from harness.samples import ANTHROPIC_TOOL, CALLS, IMAGE_URL, PNG, PNG_BASE64, PROVIDERS
from harness.upstream import script

pytestmark = pytest.mark.parametrize("model", PROVIDERS)
streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

THOUGHT = "The user asks; I look at it and answer."


@pytest.fixture
def client(up, key):
    with anthropic.Anthropic(base_url=up.url, api_key=key, max_retries=0) as client:
        yield client


def ask(client, stream, **request):
    """The finished message; streamed through the SDK's own accumulator, which is strict about the events."""
    request.setdefault("max_tokens", 1000)
    if not stream:
        return client.messages.create(**request)
    with client.messages.stream(**request) as events:
        kinds = [event.type for event in events]
        message = events.get_final_message()
    assert kinds[0] == "message_start" and kinds[-1] in ("message_stop", "parsed_message_stop")
    return message


def user(content):
    return {"role": "user", "content": content}


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


@streaming
def test_a_conversation_with_a_system_prompt(client, upstream, model, stream):
    text, name = script()
    message = ask(client, stream, model=model, system="Be brief", messages=[
        user("first"), {"role": "assistant", "content": "yes"}, user(text),
    ])
    assert "user=hello;" in text_of(message) and "system=Be brief" in text_of(message)
    assert (message.type, message.role, message.stop_reason, message.model) == ("message", "assistant", "end_turn", model)
    billed = upstream.ended(name)["billed"]
    assert (message.usage.input_tokens, message.usage.output_tokens) == (billed["input"], billed["output"])


@streaming
def test_system_as_blocks(client, model, stream):
    message = ask(client, stream, model=model, messages=[user("hi")], system=[
        {"type": "text", "text": "Be brief"}, {"type": "text", "text": "Be kind", "cache_control": {"type": "ephemeral"}},
    ])
    assert "Be brief" in text_of(message) and "Be kind" in text_of(message)
    if model == "ant":
        assert "cache_marks=1" in text_of(message)


@streaming
def test_parallel_tool_calls_and_their_results(client, model, stream):
    first = [user("weather?")]
    message = ask(client, stream, model=model, messages=first, tools=[ANTHROPIC_TOOL])
    calls = [block for block in message.content if block.type == "tool_use"]
    assert message.stop_reason == "tool_use"
    assert [call.name for call in calls] == ["get_weather"] * 2 and [call.input for call in calls] == CALLS
    assert len({call.id for call in calls}) == 2

    turn = {"role": "assistant", "content": message.content}
    results = user([
        {"type": "tool_result", "tool_use_id": calls[0].id, "content": "21C"},
        {"type": "tool_result", "tool_use_id": calls[1].id, "content": [{"type": "text", "text": "14C"}]},
        {"type": "text", "text": "and now?"},
    ])
    final = ask(client, stream, model=model, messages=[*first, turn, results], tools=[ANTHROPIC_TOOL], tool_choice={"type": "none"})
    assert f"results={calls[0].id}:21C|{calls[1].id}:14C" in text_of(final)
    assert "user=and now?" in text_of(final) and final.stop_reason == "end_turn"


@streaming
def test_text_before_a_call(client, model, stream):
    text, _ = script("preamble calls=1")
    message = ask(client, stream, model=model, messages=[user(text)], tools=[ANTHROPIC_TOOL])
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert message.content[0].text == "Let me look that up."


@pytest.mark.parametrize("choice, calls", [
    ({"type": "none"}, 0), ({"type": "auto"}, 2), ({"type": "any"}, 2), ({"type": "tool", "name": "get_weather"}, 2),
    ({"type": "auto", "disable_parallel_tool_use": True}, 1),
], ids=["none", "auto", "any", "named", "one-at-a-time"])
def test_tool_choice(client, model, choice, calls):
    message = ask(client, False, model=model, messages=[user("?")], tools=[ANTHROPIC_TOOL], tool_choice=choice)
    assert sum(block.type == "tool_use" for block in message.content) == calls


@streaming
def test_images_as_data_and_by_url(client, model, stream):
    message = ask(client, stream, model=model, messages=[user([
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG_BASE64}},
        {"type": "image", "source": {"type": "url", "url": IMAGE_URL}},
        {"type": "text", "text": "what is this?"},
    ])])
    assert f"images=image/png:{len(PNG)}|url:{IMAGE_URL}" in text_of(message)


@streaming
def test_stop_sequences(client, model, stream):
    message = ask(client, stream, model=model, messages=[user("count")], stop_sequences=["four"])
    assert text_of(message).rstrip().endswith("one two three")
    if model == "ant":
        assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "four")
    else:
        # OpenAI does not say which sequence stopped it, nor that one did.
        assert message.stop_reason in ("end_turn", "stop_sequence")


@streaming
def test_the_token_limit(client, model, stream):
    message = ask(client, stream, model=model, messages=[user("count")], max_tokens=3)
    assert message.stop_reason == "max_tokens" and len(text_of(message).split()) == 3


@streaming
def test_thinking_blocks_come_back_with_their_signature(client, model, stream):
    text, _ = script("reasoning" if model == "oai" else "")
    thinking = {"type": "enabled", "budget_tokens": 2048}
    message = ask(client, stream, model=model, messages=[user(text)], thinking=thinking, max_tokens=4096)
    kinds = [block.type for block in message.content]
    assert kinds == ["thinking", "text"]
    assert message.content[0].thinking == THOUGHT
    if model == "ant":
        assert message.content[0].signature.startswith("sig-")
        again = ask(client, stream, model=model, thinking=thinking, max_tokens=4096, messages=[
            user("think"), {"role": "assistant", "content": message.content}, user("again"),
        ])
        assert f"signatures={message.content[0].signature}" in text_of(again)


@streaming
def test_cached_tokens_are_reported_and_charged(client, admin, upstream, model, stream):
    text, name = script("in=1000 out=50 cached=600" + (" cache_write=100" if model == "ant" else ""))
    request = {"model": model, "max_tokens": 100, "messages": [user(text)]}
    if stream:
        raw = client.messages.with_raw_response.create(stream=True, **request)
        events = list(raw.parse())
        start = next(event.message.usage for event in events if event.type == "message_start")
        last = [event.usage for event in events if event.type == "message_delta"][-1]
        cached = last.cache_read_input_tokens or start.cache_read_input_tokens
        fresh = last.input_tokens or start.input_tokens
        output = last.output_tokens
    else:
        raw = client.messages.with_raw_response.create(**request)
        usage = raw.parse().usage
        cached, fresh, output = usage.cache_read_input_tokens, usage.input_tokens, usage.output_tokens
    assert (cached, output) == (600, 50)
    assert fresh == (300 if model == "ant" else 400), "Anthropic leaves cached tokens out of input_tokens"
    row = admin.row(raw.headers["x-litellm-call-id"])
    assert round(row["spend"] * 1e9) == cost_nano(upstream.ended(name)["billed"])


def test_count_tokens(client, model):
    counted = client.messages.count_tokens(model=model, messages=[user("how many tokens are these words?")])
    assert 3 <= counted.input_tokens <= 40
    more = client.messages.count_tokens(model=model, messages=[user("how many tokens are these words? " * 50)])
    assert more.input_tokens > counted.input_tokens * 10


def test_the_end_user_is_passed_on(client, model):
    message = ask(client, False, model=model, messages=[user("hi")], metadata={"user_id": "customer-7"})
    assert "end_user=customer-7" in text_of(message)


def test_async_client(up, key, model):
    import asyncio

    async def main():
        async with anthropic.AsyncAnthropic(base_url=up.url, api_key=key, max_retries=0) as client:
            one = lambda n: client.messages.create(model=model, max_tokens=100, messages=[user(f"n{n}")])
            return [text_of(message) for message in await asyncio.gather(*map(one, range(8)))]

    for n, text in enumerate(asyncio.run(main())):
        assert f"user=n{n};" in text


def test_a_bearer_token_instead_of_an_api_key(up, key, model):
    with anthropic.Anthropic(base_url=up.url, auth_token=key, api_key=None, max_retries=0) as client:
        assert "user=hi" in text_of(ask(client, False, model=model, messages=[user("hi")]))


ERRORS = [
    (0, 400, anthropic.BadRequestError, "invalid_request_error"), (1, 403, anthropic.PermissionDeniedError, "permission_error"),
    (2, 404, anthropic.NotFoundError, "not_found_error"), (3, 429, anthropic.RateLimitError, "rate_limit_error"),
    (4, 500, anthropic.InternalServerError, "api_error"), (5, 529, anthropic.InternalServerError, "overloaded_error"),
]


@streaming
@pytest.mark.parametrize("slot, status, error, kind", ERRORS, ids=[str(row[1]) for row in ERRORS])
def test_the_providers_errors_are_typed(client, model, stream, slot, status, error, kind):
    text, _ = script(f"status={status} message=too_much_of_it retry_after=1")
    # A cool-down of the whole-answer case must not answer for the streamed one.
    deployment = f"{model}-{slot + (8 if stream else 0)}"
    with pytest.raises(error) as caught:
        answer = client.messages.create(model=deployment, max_tokens=10, messages=[user(text)], stream=stream)
        list(answer)
    assert caught.value.status_code == status
    assert caught.value.body["type"] == "error"
    assert caught.value.body["error"]["type"] == kind
    assert "too much of it" in caught.value.body["error"]["message"]


def test_a_break_in_the_stream_is_an_error_for_the_application(client, model):
    text, _ = script("words=50 error_after=9 message=overloaded_now")
    seen = ""
    with pytest.raises(anthropic.APIError) as caught:
        for event in client.messages.create(model=model, max_tokens=100, messages=[user(text)], stream=True):
            if event.type == "content_block_delta":
                seen += event.delta.text
    assert "overloaded now" in str(caught.value)
    assert seen.startswith("w0 w1 ")
