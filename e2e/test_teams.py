"""Teams and organisations on the real binary: what their rows say is what the gateway does."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.process import eventually


def user(admin, name, **fields):
    return admin.with_key(admin.ok(admin.post("/user/new", {"user_id": name, **fields}))["key"])


@pytest.fixture
def teams(admin, request):
    """Team A led by `lead` with the member `bob`, and team B led by `eve`."""
    at = request.node.name
    lead, bob, eve = (user(admin, f"{name}-{at}") for name in ("lead", "bob", "eve"))
    a, b = f"a-{at}", f"b-{at}"
    admin.ok(admin.post("/team/new", {"team_id": a, "admins": [f"lead-{at}"], "members": [f"bob-{at}"]}))
    admin.ok(admin.post("/team/new", {"team_id": b, "admins": [f"eve-{at}"]}))
    return a, b, lead, bob, eve


def test_what_a_team_may_is_what_its_keys_may(admin, teams):
    a = teams[0]
    admin.ok(admin.post("/team/update", {"team_id": a, "models": ["oai"]}))
    key = admin.with_key(admin.generate(team_id=a)["key"])
    eventually(lambda: key.chat("oai").status_code == 200, 5)
    assert key.chat("ant").status_code == 403
    admin.ok(admin.post("/team/model/add", {"team_id": a, "models": ["ant"]}))
    eventually(lambda: key.chat("ant").status_code == 200, 5)
    admin.ok(admin.post("/team/block", {"team_id": a}))
    eventually(lambda: key.chat("oai").status_code == 401, 5)
    admin.ok(admin.post("/team/unblock", {"team_id": a}))
    eventually(lambda: key.chat("oai").status_code == 200, 5)
    admin.ok(admin.post("/team/delete", {"team_ids": [a]}))
    eventually(lambda: key.chat("oai").status_code == 401, 5)


def test_a_team_spends_its_budget_and_a_member_theirs(admin, teams, request):
    a = teams[0]
    bob = f"bob-{request.node.name}"
    admin.ok(admin.post("/team/member_update", {"team_id": a, "user_id": bob, "max_budget_in_team": 0.0000001}))
    key = admin.with_key(admin.generate(team_id=a, user_id=bob)["key"])
    other = admin.with_key(admin.generate(team_id=a)["key"])
    eventually(lambda: key.chat("oai").status_code == 422, 10)
    assert other.chat("oai").status_code == 200
    eventually(lambda: admin.ok(admin.get("/team/info", params={"team_id": a}))["team_info"]["spend"] > 0, 10)
    spent = admin.ok(admin.get("/team/info", params={"team_id": a}))["team_info"]["spend"]
    admin.ok(admin.post("/team/update", {"team_id": a, "max_budget": spent / 2}))
    eventually(lambda: other.chat("oai").status_code == 422, 10)


def test_who_leads_one_team_reaches_no_other(admin, teams):
    a, _, _, bob, eve = teams
    key = admin.generate(team_id=a)["key"]
    for path, body in [
        ("/team/update", {"team_id": a, "max_budget": 1}),
        ("/team/member_add", {"team_id": a, "member": {"user_id": "eve"}}),
        ("/team/member_delete", {"team_id": a, "user_id": "bob"}),
        ("/team/delete", {"team_ids": [a]}),
        ("/key/generate", {"team_id": a}),
        ("/key/update", {"key": key, "max_budget": None}),
        ("/key/regenerate", {"key": key}),
        ("/key/delete", {"keys": [key]}),
        ("/key/unblock", {"key": key}),
    ]:
        for caller in (eve, bob):
            response = caller.post(path, body)
            assert response.status_code in (401, 403), f"{path}: {response.status_code} {response.text}"
    assert eve.get("/team/info", params={"team_id": a}).status_code == 403
    assert admin.with_key(key).chat("oai").status_code == 200


def test_a_member_does_not_raise_their_own_budget(teams, request):
    a, _, lead, bob, _ = teams
    name = f"bob-{request.node.name}"
    assert bob.post("/team/member_update", {"team_id": a, "user_id": name, "max_budget_in_team": 1000}).status_code == 401
    assert bob.post(f"/team/{a}/member/{name}/reset_spend", {"reset_to": 0}).status_code == 401
    assert lead.post("/team/update", {"team_id": a, "max_budget": 1000}).status_code == 403
    assert lead.ok(lead.post("/team/member_update", {"team_id": a, "user_id": name, "max_budget_in_team": 1}))["max_budget_in_team"] == 1


def test_the_same_user_is_added_once_however_many_try(admin, teams, request):
    b = teams[1]
    body = {"team_id": b, "member": {"user_email": f"{request.node.name}@x.example"}}
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: admin.post("/team/member_add", body).status_code, range(16)))
    assert sorted(codes) == [200] + [400] * 15
    assert admin.ok(admin.get("/team/info", params={"team_id": b}))["team_info"]["members_count"] == 2


@pytest.mark.parametrize("path, body, codes", [
    ("/team/new", {"team_alias": "x" * 10_000}, (400,)),
    ("/team/new", {"team_id": 5}, (422,)),
    ("/team/new", {"models": "oai"}, (422,)),
    ("/team/new", {"max_budget": [1]}, (422,)),
    ("/team/new", {"metadata": "x"}, (422,)),
    ("/team/new", {"max_budget": -1}, (400,)),
    ("/team/new", {"budget_duration": "soon"}, (400,)),
    ("/team/member_add", {"team_id": "none", "member": {"user_id": "x"}}, (404,)),
    ("/key/generate", {"team_id": "none"}, (400,)),
    ("/budget/new", {"max_budget": "much"}, (422,)),
    ("/organization/new", {"organization_alias": "x" * 10_000}, (400,)),
], ids=lambda value: "-".join(map(str, value)) if isinstance(value, dict) else None)
def test_nonsense_is_refused(admin, path, body, codes):
    response = admin.post(path, body)
    assert response.status_code in codes, response.text


@pytest.mark.parametrize("path", ["/v2/team/list", "/team/list", "/budget/list", "/organization/list"])
@pytest.mark.parametrize("size", ["-1", "0", "101", "many"])
def test_a_page_has_a_size(admin, path, size):
    assert admin.get(path, params={"page_size": size}).status_code in (400, 422)


def test_an_organization_holds_its_teams(admin, request):
    at = request.node.name
    admin.ok(admin.post("/organization/new", {"organization_id": at, "organization_alias": at, "models": ["oai"], "max_budget": 5}))
    ada = user(admin, f"ada-{at}")
    member = {"organization_id": at, "member": {"user_id": f"ada-{at}", "role": "org_admin"}}
    admin.ok(admin.post("/organization/member_add", member))
    assert ada.post("/team/new", {"organization_id": at, "max_budget": 6}).status_code == 400
    assert ada.post("/team/new", {"organization_id": at, "models": ["ant"]}).status_code == 400
    assert ada.post("/team/new", {}).status_code == 403
    team = ada.ok(ada.post("/team/new", {"organization_id": at}))["team_id"]
    key = ada.ok(ada.post("/key/generate", {"team_id": team}))
    assert key["organization_id"] == at
    caller = admin.with_key(key["key"])
    eventually(lambda: caller.chat("oai").status_code == 200, 5)
    assert caller.chat("ant").status_code == 403, "the organisation does not have it"
