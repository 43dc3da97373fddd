"""Models and credentials of the database on running gateways: at once, without a restart, and never in clear."""

import secrets
import threading
import time

import anthropic
import openai
import pytest

from harness.bulkhead import Api, Up, config, new_master_key, run
from harness.process import eventually
from harness.upstream import script
from test_split import Split, postgres  # noqa: F401 (the fixture)

SECONDS = 1
"""How soon gateways know of a change."""


@pytest.fixture(scope="module")
def split(log_dir, upstream, postgres):  # noqa: F811
    split = Split(log_dir, upstream, postgres)
    yield split
    split.close()


def params(upstream, key="provider-key", **more):
    return {"model": "openai/up-openai", "api_base": f"{upstream.url}/v1", "api_key": key, **more}


def new(admin, upstream, name, info=None, **more):
    row = admin.ok(admin.post("/model/new", {"model_name": name, "litellm_params": params(upstream, **more), "model_info": info or {}}))
    return row["model_id"]


def within_a_second(condition, what):
    began = time.monotonic()
    answer = eventually(condition, 10, what)
    assert time.monotonic() - began < SECONDS, what
    return answer


def status(api, model, expected):
    return lambda: api.chat(model).status_code == expected


def test_a_models_life_on_a_running_gateway(split, upstream):
    admin, key = split.admin, split.admin.generate()["key"]
    api = Api(split.urls["gateway"], key)
    with openai.OpenAI(base_url=f"{split.urls['gateway']}/v1", api_key=key, max_retries=0) as client:
        assert api.chat("from-api").status_code == 400
        model_id = new(admin, upstream, "from-api", rpm=1000)
        within_a_second(status(api, "from-api", 200), "a new model")
        text, name = script("in=10 out=5")
        raw = client.chat.completions.with_raw_response.create(model="from-api", messages=[{"role": "user", "content": text}])
        assert raw.headers["x-litellm-model-id"] == model_id and upstream.call(name)["model"] == "up-openai"
        assert "from-api" in [model.id for model in client.models.list()]
        with anthropic.Anthropic(base_url=split.urls["gateway"], api_key=key, max_retries=0) as other:
            answer = other.messages.create(model="from-api", max_tokens=50, messages=[{"role": "user", "content": "hi"}])
            assert answer.content

    wrong = {"litellm_params": {"api_key": "wrong-provider-key"}}
    admin.ok(admin.http.patch(f"/model/{model_id}/update", json=wrong))
    within_a_second(status(api, "from-api", 401), "a changed key")
    admin.ok(admin.post("/model/update", {"model_info": {"id": model_id}, "litellm_params": {"api_key": "provider-key"}}))
    eventually(status(api, "from-api", 200), 10, "the key changed back")
    admin.ok(admin.post("/model/block", {"model_id": model_id}))
    within_a_second(status(api, "from-api", 400), "a blocked model")
    admin.ok(admin.post("/model/unblock", {"model_id": model_id}))
    within_a_second(status(api, "from-api", 200), "an unblocked model")
    admin.ok(admin.post("/model/delete", {"id": model_id}))
    within_a_second(status(api, "from-api", 400), "a deleted model")
    assert api.chat("oai").status_code == 200, "the configuration's models stay"
    refused = admin.post("/model/delete", {"id": "id-oai"})
    assert refused.status_code == 400 and "Model in config" in refused.text


def test_requests_under_way_are_not_disturbed(split, upstream):
    """Streams that are open while their model is deleted and others come and go end as if nothing had happened."""
    admin, key = split.admin, split.admin.generate()["key"]
    model_id = new(admin, upstream, "under-way")
    api = Api(split.urls["gateway"], key)
    eventually(status(api, "under-way", 200), 10)
    text, name = script("out=40 gap_ms=50")
    lines, begun = [], threading.Event()

    def read():
        body = {"model": "under-way", "stream": True, "messages": [{"role": "user", "content": text}]}
        with api.http.stream("POST", "/v1/chat/completions", json=body) as response:
            for line in response.iter_lines():
                lines.append(line)
                begun.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(10)
    admin.ok(admin.post("/model/delete", {"id": model_id}))
    other = new(admin, upstream, "meanwhile")
    eventually(status(Api(split.urls["gateway"], key), "meanwhile", 200), 10)
    reader.join(30)
    assert [line for line in lines if line][-1] == "data: [DONE]"
    assert upstream.ended(name)["ended"]
    admin.ok(admin.post("/model/delete", {"id": other}))


def test_credentials_are_shared_and_change_everywhere(split, upstream):
    admin, api = split.admin, Api(split.urls["gateway"], split.admin.generate()["key"])
    values = {"api_key": "wrong-provider-key", "api_base": f"{upstream.url}/v1"}
    admin.ok(admin.post("/credentials", {"credential_name": "shared", "credential_values": values, "credential_info": {}}))
    for name in ("by-credential", "by-credential-too"):
        body = {"model_name": name, "litellm_params": {"model": "openai/up-openai", "litellm_credential_name": "shared"}}
        admin.ok(admin.post("/model/new", body))
        eventually(status(api, name, 401), 10, "a model with a wrong key")
    admin.ok(admin.http.patch("/credentials/shared", json={"credential_values": {"api_key": "provider-key"}}))
    within_a_second(lambda: all(status(api, name, 200)() for name in ("by-credential", "by-credential-too")), "the new key")


def test_a_teams_model_and_an_access_group(split, upstream):
    admin, gateway = split.admin, split.urls["gateway"]
    admin.ok(admin.post("/team/new", {"team_id": "core"}))
    new(admin, upstream, "team-own", info={"team_id": "core"})
    new(admin, upstream, "grouped", info={"access_groups": ["beta"]})
    of_team, other = (Api(gateway, admin.generate(**fields)["key"]) for fields in ({"team_id": "core"}, {}))
    beta, gamma = (Api(gateway, admin.generate(models=[group])["key"]) for group in ("beta", "gamma"))
    within_a_second(status(of_team, "team-own", 200), "a team's model")
    assert other.chat("team-own").status_code == 400
    names = [[model["id"] for model in api.ok(api.get("/v1/models"))["data"]] for api in (of_team, other)]
    assert ["team-own" in listed for listed in names] == [True, False]
    eventually(status(beta, "grouped", 200), 10, "an access group")
    assert beta.chat("oai").status_code == 403 and gamma.chat("grouped").status_code == 403


def test_a_gateway_starts_with_its_models_while_the_database_is_away(split, upstream, postgres):  # noqa: F811
    secret = "sk-" + secrets.token_urlsafe(24)
    admin, made = split.admin, split.admin.generate()["key"]
    new(admin, upstream, "kept", extra_headers={"x-kept-secret": secret})
    admin.ok(admin.post("/credentials", {"credential_name": "kept", "credential_values": {"api_key": secret}}))
    api = Api(split.urls["gateway"], made)
    eventually(status(api, "kept", 200), 10)
    folder = split.home / "gateway"
    held = [row["sealed"] for row in postgres.rows("select sealed from models union all select sealed from credentials", split.database)]
    credential = (folder / "models.snapshot").stat().st_mtime_ns
    admin.ok(admin.http.patch("/credentials/kept", json={"display_name": "kept", "credential_values": {"note": "n"}}))
    eventually(lambda: (folder / "models.snapshot").stat().st_mtime_ns > credential, 10, "the copy on disk")
    split.processes["gateway"].stop()
    postgres.stop()
    try:
        split.restart("gateway")
        assert api.chat("kept").status_code == 200
        for path in folder.rglob("*"):
            if path.is_file():
                text = path.read_bytes()
                assert secret.encode() not in text and b"provider-key" not in text, path
    finally:
        postgres.start()
    dump = "\n".join([*held, *(str(row) for row in postgres.rows("select * from audit_log", split.database))])
    assert secret not in dump and '"provider-key"' not in dump
    listed = [admin.get(path).text for path in ("/model/info", "/v2/model/info", "/credentials", "/credentials/by_name/kept", "/audit?page_size=100")]
    assert all(secret not in text and "provider-key" not in text.replace("wrong-provider-key", "") for text in listed)
    for path in split.log_dir.iterdir():
        assert secret not in path.read_text(errors="replace"), path


def test_a_row_that_cannot_be_read_takes_no_other_with_it(split, upstream, postgres):  # noqa: F811
    admin, api = split.admin, Api(split.urls["gateway"], split.admin.generate()["key"])
    spoilt = new(admin, upstream, "spoilt")
    eventually(status(api, "spoilt", 200), 10)
    postgres.sql(f"update models set sealed = 'v1.nothing.AAAA' where id = '{spoilt}'", split.database)
    new(admin, upstream, "sound")
    within_a_second(status(api, "sound", 200), "the other model")
    assert api.chat("spoilt").status_code == 400
    assert "sound" in admin.get("/model/info").text
    admin.ok(admin.post("/model/delete", {"id": spoilt}))


def test_secrets_move_to_another_salt_key(log_dir, upstream):
    master = new_master_key()
    old, fresh = "old-" + secrets.token_urlsafe(24), "new-" + secrets.token_urlsafe(24)
    up = Up(log_dir, config(upstream), master, env={"LITELLM_SALT_KEY": old})
    try:
        new(up.admin, upstream, "sealed")
        eventually(status(up.admin, "sealed", 200), 10)
        up.stop()
        common = ["--data-dir", up.data_dir]
        keys = {"LITELLM_MASTER_KEY": master, "LITELLM_SALT_KEY": fresh}
        code, out, error = run(["credentials", "rotate", *common], env=keys, cwd=up.home)
        assert code == 1 and "another salt key" in error, out + error
        keys["BULKHEAD_OLD_SALT_KEY"] = old
        for told in ("1 secrets were sealed anew", "0 secrets were sealed anew, 1 had"):
            code, out, error = run(["credentials", "rotate", *common], env=keys, cwd=up.home)
            assert code == 0 and told in out, out + error
        up._env.update(LITELLM_SALT_KEY=fresh)
        up.start()
        eventually(status(up.admin, "sealed", 200), 10, "the model under the new key")
    finally:
        up.close()
