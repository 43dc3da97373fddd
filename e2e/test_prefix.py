"""Everything under a path of a shared host: behind nginx that passes the path on, behind one that takes it off, and at the roles themselves."""

import httpx
import openai
import pytest

from harness.bulkhead import Api, Up, config, new_master_key, run
from harness.nginx import Nginx
from harness.postgres import Postgres
from harness.split import Split

ROOT = "/services/llm"


@pytest.fixture(scope="module")
def split(log_dir, upstream):
    postgres = Postgres(log_dir)
    split = Split(log_dir, upstream, postgres, ROOT)
    yield split
    split.close()
    postgres.close()


def reaches_every_component(url, master_key):
    """`url` is the address with the prefix."""
    admin = Api(url, master_key)
    key = admin.generate()["key"]
    assert {model["id"] for model in admin.ok(admin.with_key(key).get("/v1/models"))["data"]} >= {"oai"}
    assert admin.ok(admin.get("/key/list"))["total_count"] >= 1
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        chunks = list(client.chat.completions.create(model="oai", messages=[{"role": "user", "content": "hi"}], stream=True))
        assert len(chunks) > 5
    for asked in ("", "/"):
        there = httpx.get(url + asked)
        assert there.status_code == 307 and there.headers["location"] == f"{ROOT}/ui/", asked
    page = httpx.get(f"{url}/ui/keys/")
    assert page.status_code == 200 and "__bulkhead_prefix__" not in page.text
    scripts = [part.split('"')[0] for part in page.text.split('src="')[1:]]
    assert scripts and all(script.startswith(f"{ROOT}/") for script in scripts)
    origin = url.removesuffix(ROOT)
    for script in scripts:
        found = httpx.get(origin + script)
        assert found.status_code == 200 and "__bulkhead_prefix__" not in found.text, script
    for probe in ("/health/liveness", "/health/readiness"):
        assert httpx.get(url + probe).status_code == 200
    admin.close()


def test_nginx_passes_the_prefix_on(split):
    reaches_every_component(split.url + ROOT, split.master_key)


def test_a_proxy_may_take_it_off(split, log_dir):
    locations = f"location {ROOT}/ {{ proxy_pass http://bulkhead_door/; }} location = {ROOT} {{ proxy_pass http://bulkhead_door/; }}"
    nginx = Nginx(log_dir, locations, {"door": split.url})
    code, plain, _ = run(["routes", "--format", "nginx"])
    inner = Nginx(log_dir, plain, split.urls)
    nginx.close()
    nginx = Nginx(log_dir, locations, {"door": inner.url})
    try:
        reaches_every_component(nginx.url + ROOT, split.master_key)
    finally:
        nginx.close()
        inner.close()


def test_roles_answer_without_it_too(split):
    for name, path in [("gateway", "/health/readiness"), ("backend", "/health/readiness"), ("ui", "/ui/")]:
        for root in ("", ROOT):
            assert httpx.get(split.urls[name] + root + path).status_code == 200, (name, root)
    assert httpx.get(split.urls["gateway"] + "/services/llmx/health/readiness").status_code == 404


def test_browsers_are_sent_beneath_it(split):
    url = split.url + ROOT
    login = httpx.post(url + "/v2/login", json={"username": "admin", "password": split.master_key})
    assert login.json()["redirect_url"] == f"{ROOT}/ui/?login=success"
    assert f"Path={ROOT}/;" in login.headers["set-cookie"]
    form = httpx.post(url + "/login", data={"username": "admin", "password": split.master_key})
    assert form.headers["location"] == f"{ROOT}/ui/?login=success"
    assert f'action="{ROOT}/login"' in httpx.get(url + "/fallback/login").text
    admin = Api(url, split.master_key)
    admin.ok(admin.post("/user/new", {"user_id": "invited"}))
    made = admin.ok(admin.post("/invitation/new", {"user_id": "invited"}))
    assert made["invitation_link"].startswith(f"{ROOT}/ui/?invitation_id=")
    assert admin.ok(admin.get("/.well-known/litellm-ui-config"))["server_root_path"] == ROOT
    assert admin.ok(admin.get("/openapi.json"))["servers"] == [{"url": ROOT}]


def test_the_front_door(log_dir, upstream):
    up = Up(log_dir, config(upstream), new_master_key(), env={"SERVER_ROOT_PATH": f"{ROOT}/"})
    try:
        assert up.url.endswith(ROOT), "the address that is printed is the one to open"
        reaches_every_component(up.url, up.master_key)
    finally:
        up.close()


@pytest.mark.parametrize("path, says", [("llm", "a path prefix is"), ("//evil.example", "a path prefix is"), ("/v1", "`/v1` is a path of the API")])
def test_what_cannot_be_a_prefix_is_refused(path, says):
    code, _, error = run(["ui", "--port", "0"], env={"SERVER_ROOT_PATH": path})
    assert code == 2 and says in error, error
