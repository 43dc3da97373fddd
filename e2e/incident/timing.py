"""How long each question takes when nothing else is asked: of a warm database and of a cold one, and how long its answer is."""

import os
import random
import time
from dataclasses import dataclass
from datetime import date, timedelta

# Questions of the dashboard; the others are those of the compatible surface.
OURS = "/analytics/"
# What each may take at the 95th percentile on PostgreSQL, and how much longer on SQLite.
WARM_MS_MAX, COLD_MS_MAX, SQLITE_FACTOR = 100.0, 500.0, 2.0
OUR_BYTES_MAX, ANSWER_BYTES_MAX = 100_000, 1 << 20


@dataclass
class Timing:
    """One question: milliseconds and bytes of its answers."""

    roles: str
    name: str
    p50_ms: float
    p95_ms: float
    cold_ms: float | None
    answer_bytes: int

    @property
    def is_ours(self):
        return self.name.startswith(OURS)

    def broken(self, factor):
        """What of the promise it does not keep."""
        bounds = (
            ("warm ms", self.p95_ms, WARM_MS_MAX * factor),
            ("cold ms", self.cold_ms or 0.0, COLD_MS_MAX * factor),
            ("bytes", self.answer_bytes, OUR_BYTES_MAX if self.is_ours else ANSWER_BYTES_MAX),
        )
        return [f"{self.roles}: {self.name}: {value:.0f} {what} > {most:.0f}" for what, value, most in bounds if value > most]


def name(path, parameters):
    return f"{path} by {parameters['by']}" if "by" in parameters else path


def shifted(parameters, days):
    """The same question with other days: memory has no answer to it."""
    if "start_date" not in parameters:
        return {**parameters, "nonce": days}
    start = date.fromisoformat(parameters["start_date"]) + timedelta(days=days)
    return {**parameters, "start_date": str(start)}


def ask(admin, path, parameters):
    """Milliseconds and bytes of an answer."""
    began = time.monotonic()
    response = admin.get(path, params=parameters)
    took = (time.monotonic() - began) * 1000
    assert response.status_code == 200, f"{path} {parameters}: {response.status_code} {response.text[:300]}"
    return took, len(response.content)


def measure(scene, asked, rounds, cold):
    """A line for each question. The rounds go through all of them, so that whatever else happens falls on all."""
    found = {number: [] for number in range(len(asked))}
    for round_number in range(rounds + 1):
        order = list(found)
        random.Random(round_number).shuffle(order)
        for number in order:
            path, parameters = asked[number]
            answer = ask(scene.admin, path, shifted(parameters, round_number))
            # The first round warms the database.
            if round_number:
                found[number].append(answer)
    lines = []
    for number, (path, parameters) in enumerate(asked):
        times = sorted(took for took, _ in found[number])
        line = Timing(scene.name, name(path, parameters), quantile(times, 0.5), quantile(times, 0.95), None, max(size for _, size in found[number]))
        if cold and line.is_ours:
            scene.make_cold()
            line.cold_ms, _ = ask(scene.admin, path, shifted(parameters, rounds + 1))
        lines.append(line)
    return lines


def quantile(times, share):
    return times[min(len(times) - 1, int(len(times) * share))]


def forget(folder):
    """Takes what a folder's files hold out of the memory of the operating system. Whoever writes to them has to have stopped."""
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        file = os.open(path, os.O_RDONLY)
        try:
            # Only what is on the disk can go.
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)
