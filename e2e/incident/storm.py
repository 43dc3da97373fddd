"""Dashboards: many users who load every report of the OpenAPI document, over years, again and again."""

import multiprocessing
import os
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import date, timedelta

import httpx

REPORTS = ("/analytics/", "/global/", "/spend/", "/tag/distinct", "/tag/summary", "/tag/dau", "/tag/wau", "/tag/mau", "/tag/user-agent/")
# Between one load of the page and the next of the same user.
PAUSE_SECONDS = 1.0


def questions(document, days, today=None):
    """Every report with its required parameters, over `days`; grouped ones by each dimension too."""
    today = today or date.today()
    known = {"start_date": str(today - timedelta(days=days)), "end_date": str(today), "timezone": "Asia/Kolkata"}
    asked = []
    for path, methods in document["paths"].items():
        operation = methods.get("get")
        is_report = path.startswith(REPORTS) or "/daily/activity" in path or path.endswith("/spend/report")
        # What share of a provider's bill went through is asked of the provider.
        if not operation or not is_report or "{" in path or "export" in path or path == "/spend/capture_rate":
            continue
        if any(parameter.get("required") and parameter["name"] not in known for parameter in operation.get("parameters", [])):
            continue
        # Some tell a time zone by its minutes from UTC.
        named = {parameter["name"]: "integer" in parameter["schema"]["type"] for parameter in operation.get("parameters", [])}
        parameters = {name: 330 if is_number else known[name] for name, is_number in named.items() if name in known}
        if path.endswith("model_top_keys"):
            parameters["model"] = "model-1"
        asked.append((path, parameters))
    usage = {**known, "step": "month", "compare": "true"}
    for by in ("model", "key", "team", "user", "provider", "tag", "customer", "team,model"):
        asked.append(("/analytics/usage", {**usage, "by": by}))
    return asked


@dataclass
class Answers:
    """What dashboards were told: for each path its times, sizes and statuses."""

    by_path: dict = field(default_factory=dict)

    def add(self, path, seconds, size, status):
        self.by_path.setdefault(path, []).append((seconds, size, status))

    def all(self):
        return [answer for answers in self.by_path.values() for answer in answers]

    def statuses(self):
        found = {}
        for _, _, status in self.all():
            found[status] = found.get(status, 0) + 1
        return found

    def quantile_ms(self, quantile):
        times = sorted(seconds for seconds, _, status in self.all() if status == 200)
        return times[min(len(times) - 1, int(len(times) * quantile))] * 1000 if times else 0.0

    def largest(self):
        return max((size for _, size, _ in self.all()), default=0)


class Storm:
    """Users in a process of their own, at a low priority: browsers run on other machines."""

    def __init__(self, url, key, asked, users):
        context = multiprocessing.get_context("spawn")
        self._stop, self._answers, begun = context.Event(), context.Queue(), context.Event()
        arguments = (url, key, asked, users, begun, self._stop, self._answers)
        self._process = context.Process(target=_run, args=arguments, daemon=True)
        self._process.start()
        assert begun.wait(60), "no dashboard was opened"

    def stop(self):
        self._stop.set()
        answers = Answers()
        for answer in self._answers.get(timeout=90):
            answers.add(*answer)
        self._process.join(30)
        return answers


def _run(url, key, asked, users, begun, stop, out):
    os.nice(10)
    answers = []

    def user(number):
        dice = random.Random(number)
        with httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=60) as client:
            while not stop.is_set():
                for path, parameters in dice.sample(asked, len(asked)):
                    if stop.is_set():
                        return
                    began = time.monotonic()
                    try:
                        response = client.get(path, params=parameters)
                        size, status = len(response.content), response.status_code
                    except httpx.TransportError as error:
                        size, status = 0, type(error).__name__
                    answers.append((path, time.monotonic() - began, size, status))
                    if not isinstance(status, int):
                        # The backend is away; a browser would not ask a thousand times a second either.
                        stop.wait(0.2)
                stop.wait(PAUSE_SECONDS)

    threads = [threading.Thread(target=user, args=(number,), daemon=True) for number in range(users)]
    for thread in threads:
        thread.start()
    begun.set()
    for thread in threads:
        thread.join()
    out.put(answers)
