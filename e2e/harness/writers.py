"""What the control plane's nouns look like to writers that share them, and the book of what was acknowledged."""

import hashlib
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Callable

# Tables of the audit log.
KEY, USER, TEAM, MEMBER = "LiteLLM_VerificationToken", "LiteLLM_UserTable", "LiteLLM_TeamTable", "LiteLLM_TeamMembership"
ORGANIZATION, CUSTOMER, TAG = "LiteLLM_OrganizationTable", "LiteLLM_EndUserTable", "LiteLLM_TagTable"
BUDGET, MODEL = "LiteLLM_BudgetTable", "LiteLLM_ProxyModelTable"
TABLES = {KEY: "key", USER: "user", TEAM: "team", MEMBER: "member", ORGANIZATION: "organization", CUSTOMER: "customer",
          TAG: "tag", BUDGET: "budget", MODEL: "model"}
# Fields that an organisation, a customer, a tag and a member have in a budget of their own.
LIMITS = {"max_budget", "tpm_limit", "rpm_limit", "max_parallel_requests", "max_budget_in_team"}


def text(number):
    return f"text-{number}"


def names(number):
    return [f"model-{number}", f"model-{number + 1}"]


def facts(number):
    return {"number": number, "note": text(number)}


def odd(number):
    return number % 2 == 1


VALUES = {
    "key_alias": None, "team_alias": text, "user_alias": text, "organization_alias": text, "alias": text, "description": text,
    "user_email": None, "default_model": text, "model_name": text, "max_budget": float, "tpd_limit": int,
    "max_budget_in_team": float, "tpm_limit": int, "rpm_limit": int, "max_parallel_requests": int, "models": names,
    "metadata": facts, "blocked": odd, "model_info.note": text, "model_info.team": text, "litellm_params.timeout": int,
}


@dataclass
class Noun:
    """How one kind of row is made, changed, shown and deleted; `make` gives the body with which it is made."""

    table: str
    make: Callable
    paths: dict
    update: Callable
    show: Callable
    fields: tuple
    own_budget: bool = False

    def object_id(self, name):
        return hashlib.sha256(name.encode()).hexdigest() if self.table == KEY else name


def named(field):
    return lambda name, sent: {field: name, **sent}


def shown(path, field, part=lambda answer: answer):
    return lambda api, name: part(api.ok(api.get(path, params={field: name})))


def nested(sent):
    """`a.b` is the field `b` of the object `a`."""
    body = {}
    for field, value in sent.items():
        outer, _, inner = field.partition(".")
        body[outer] = {inner: value} if inner else value
    return body


def model_shown(api, name):
    row = api.ok(api.get("/model/info", params={"litellm_model_id": name}))["data"]
    return row[0] if isinstance(row, list) else row


NOUNS = {
    "key": Noun(
        KEY, lambda name: {"key": name, "key_alias": f"alias-{name}", "max_budget": 1000, "budget_duration": "2s"},
        {"new": "/key/generate", "update": "/key/update", "delete": ("/key/delete", "keys")}, named("key"),
        shown("/key/info", "key", lambda answer: answer["info"]),
        ("key_alias", "max_budget", "tpm_limit", "rpm_limit", "models", "metadata", "blocked", "max_parallel_requests"),
    ),
    "team": Noun(
        TEAM, lambda name: {"team_id": name, "max_budget": 1000, "budget_duration": "1s"},
        {"new": "/team/new", "update": "/team/update", "delete": ("/team/delete", "team_ids")}, named("team_id"),
        shown("/team/info", "team_id", lambda answer: answer["team_info"]),
        ("team_alias", "max_budget", "tpm_limit", "models", "metadata", "blocked"),
    ),
    "user": Noun(
        USER, lambda name: {"user_id": name, "auto_create_key": False, "max_budget": 1000, "budget_duration": "3s"},
        {"new": "/user/new", "update": "/user/update", "delete": ("/user/delete", "user_ids")}, named("user_id"),
        shown("/v2/user/info", "user_id"),
        ("user_alias", "user_email", "max_budget", "models", "metadata", "tpm_limit", "rpm_limit"),
    ),
    "organization": Noun(
        ORGANIZATION, lambda name: {"organization_id": name, "organization_alias": name, "max_budget": 1000, "budget_duration": "2s"},
        {"new": "/organization/new", "update": "PATCH /organization/update",
         "delete": ("DELETE /organization/delete", "organization_ids")},
        named("organization_id"), shown("/organization/info", "organization_id"),
        ("organization_alias", "max_budget", "tpm_limit", "models", "metadata"), own_budget=True,
    ),
    "customer": Noun(
        CUSTOMER, lambda name: {"user_id": name, "max_budget": 1000, "budget_duration": "2s"},
        {"new": "/customer/new", "update": "/customer/update", "delete": ("/customer/delete", "user_ids")}, named("user_id"),
        shown("/customer/info", "end_user_id"), ("alias", "default_model", "max_budget", "rpm_limit"), own_budget=True,
    ),
    "tag": Noun(
        TAG, lambda name: {"name": name, "max_budget": 1000, "budget_duration": "1s"},
        {"new": "/tag/new", "update": "/tag/update", "delete": ("/tag/delete", "name")}, named("name"),
        lambda api, name: api.ok(api.post("/tag/info", {"names": [name]}))[name],
        ("description", "models", "max_budget", "tpm_limit"), own_budget=True,
    ),
    "budget": Noun(
        BUDGET, lambda name: {"budget_id": name, "max_budget": 1000, "budget_duration": "1s"},
        {"new": "/budget/new", "update": "/budget/update", "delete": ("/budget/delete", "id")}, named("budget_id"),
        lambda api, name: api.ok(api.post("/budget/info", {"budgets": [name]}))[0],
        ("max_budget", "tpd_limit", "tpm_limit", "rpm_limit", "max_parallel_requests"),
    ),
    "model": Noun(
        MODEL, lambda name: {"model_name": name, "litellm_params": {"model": "openai/up-openai", "api_key": "provider-key"},
                             "model_info": {"id": name}},
        {"new": "/model/new", "update": "/model/update", "delete": ("/model/delete", "id")},
        lambda name, sent: nested({**sent, "model_info.id": name}) if not any("model_info" in field for field in sent)
        else {"model_info": {"id": name, **{field.partition(".")[2]: value for field, value in sent.items()}}},
        model_shown, ("model_name", "model_info.note", "model_info.team", "litellm_params.timeout"),
    ),
}


class Book:
    """What was acknowledged: entries that the audit log must have, rows that must be there, and values that they have."""

    def __init__(self):
        self._lock = threading.Lock()
        self.entries = Counter()
        # How often each was made less how often it was deleted: who is told first did not act first.
        self.rows = Counter()
        # Of rows whose budget goes with them, every one that they have had.
        self.budgets = defaultdict(set)
        self.values = defaultdict(dict)
        self.refused = Counter()
        self.failed = []

    def note_deleted_budgets(self, there):
        """Once at the end: a row that is there has one budget, and all others have gone with the rows that had them."""
        for row, budgets in self.budgets.items():
            held = budgets & there
            assert len(held) == self.rows[row], (row, budgets, held)
            for budget in budgets - held:
                self.note(BUDGET, budget, "deleted")

    def note(self, table, name, action):
        with self._lock:
            self.entries[table, name, action] += 1

    def made(self, noun, name):
        with self._lock:
            self.rows[noun, name] += 1

    def deleted(self, noun, name):
        with self._lock:
            self.rows[noun, name] -= 1

    def holds(self, noun, name, field, value):
        with self._lock:
            self.values[noun, name][field] = value

    def wrong(self, what, answer):
        with self._lock:
            self.failed.append(f"{what}: {answer.status_code} {answer.text[:300]}")

    def turned_down(self, what):
        with self._lock:
            self.refused[what] += 1


class Writer:
    """Asks the backends in turn and writes down what they acknowledge."""

    def __init__(self, apis, book):
        self.apis, self.book, self.turn = apis, book, 0

    def send(self, path, body):
        self.turn += 1
        api = self.apis[self.turn % len(self.apis)]
        method, _, path = path.rpartition(" ")
        return api.http.request(method or "POST", path, json=body)

    def expect(self, answer, what, refusals=()):
        """Whether it was acknowledged; what is neither that nor an expected refusal is a failure."""
        if answer.status_code == 200:
            return True
        if answer.status_code in refusals:
            self.book.turned_down(what)
        else:
            self.book.wrong(what, answer)
        return False

    def make(self, kind, name, refusals=()):
        """Makes a row; whether it was this call that made it."""
        noun = NOUNS[kind]
        answer = self.send(noun.paths["new"], noun.make(name))
        if not self.expect(answer, f"make {kind}", refusals):
            return False
        self.book.note(noun.table, noun.object_id(name), "created")
        if noun.own_budget:
            budget = budget_of(answer.json())
            self.book.note(BUDGET, budget, "created")
            self.book.budgets[kind, name].add(budget)
        self.book.made(kind, name)
        return True

    def delete(self, kind, name, refusals=()):
        noun = NOUNS[kind]
        path, field = noun.paths["delete"]
        answer = self.send(path, {field: [name] if field.endswith("s") else name})
        if self.expect(answer, f"delete {kind}", refusals):
            self.book.note(noun.table, noun.object_id(name), "deleted")
            self.book.deleted(kind, name)

    def change(self, kind, name, field, number, budget=None):
        """Writes the next value of a field that is this writer's alone."""
        noun = NOUNS[kind]
        value = VALUES[field](number) if VALUES[field] else f"{field}-{name}-{number}@x.example"
        if not self.expect(self.send(noun.paths["update"], noun.update(name, {field: value})), f"change {field} of {kind}"):
            return
        action = "updated"
        if field == "blocked":
            action = "blocked" if value else "unblocked"
            # A team that is so already is only updated.
            if kind == "team" and value == self.book.values[kind, name].get(field, False):
                action = "updated"
        self.book.note(noun.table, noun.object_id(name), action)
        if noun.own_budget and field in LIMITS:
            self.book.note(BUDGET, budget, "updated")
        self.book.holds(kind, name, field, value)

    def join(self, team, user):
        """Adds a user, who is made, to a team."""
        answer = self.send("/team/member_add", {"team_id": team, "member": {"user_id": user, "role": "user"}})
        if self.expect(answer, "join"):
            self.book.note(USER, user, "created")
            self.book.note(MEMBER, f"{team}/{user}", "created")
            self.book.made("user", user)
            self.book.made("member", f"{team}/{user}")

    def leave(self, team, user):
        if self.expect(self.send("/team/member_delete", {"team_id": team, "user_id": user}), "leave"):
            self.book.note(MEMBER, f"{team}/{user}", "deleted")
            self.book.deleted("member", f"{team}/{user}")


def budget_of(row):
    """The id of an owner's budget, wherever an answer tells it."""
    return row.get("budget_id") or (row.get("tag") or row.get("litellm_budget_table"))["budget_id"]
