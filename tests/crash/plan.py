"""What one run does, all of it drawn from its seed."""

import random

from control import ANY_POINT

TEAMS = ("assembly", "bakery", "casting")
MINUTE_S = 60
# How late a call may still take effect: AWS's five minutes for a signature, with what a run's own
# steps of the clock add, stay inside QUIET.
LATE_MAX_MS = 200 * 1000

# Points that only a start of the gateway passes.
AT_BOOT = {"boot.ledger.opened", "boot.listening", "ledger.file.created",
           "ledger.migration.before", "ledger.migrated"}
# Points that only a disk that fails leads to, and how it has to fail.
AFTER_FAILURE = {"ledger.doubt": "fail_syncs", "ledger.reopened": "fail_syncs",
                 "ledger.doubt.resolved": "fail_syncs", "ledger.rolled-back": "fail_reads",
                 "stop.kept": "full_in", "stop.gap.marked": "full_in"}
# Points that are passed once or twice in a process.
ONCE = AT_BOOT | set(AFTER_FAILURE) | {
    "ledger.pinned", "reconciler.ready", "lease.written", "start.announced", "vfs.database.write",
    "vfs.database.sync.before", "vfs.database.synced"}
# Points that are passed a hundred times in a run.
OFTEN = ("vfs.log", "http.", "net.answer.begun", "ledger.commit", "ledger.b", "describe.")

FAULTS = {
    "start": ("delay", "apply_late", "drop_before", "drop_after", "throttle", "error_500",
              "garbage", "half_body", "conflict", "refuse:AccessDeniedException",
              "refuse:ServiceQuotaExceededException", "refuse:ConflictException",
              "refuse:ValidationException"),
    "stop": ("delay", "apply_late", "drop_before", "drop_after", "throttle", "error_500",
             "garbage", "half_body", "conflict", "replay", "refuse:AccessDeniedException",
             "refuse:ConflictException"),
    "describe": ("delay", "drop_before", "drop_after", "throttle", "error_500", "garbage",
                 "half_body", "stale", "conflict", "refuse:AccessDeniedException",
                 "refuse:ResourceNotFoundException"),
    "list_projects": ("delay", "drop_before", "drop_after", "throttle", "error_500", "garbage",
                      "half_body", "conflict", "refuse:AccessDeniedException"),
    "list_models": ("delay", "drop_before", "drop_after", "throttle", "error_500", "garbage",
                    "half_body", "stale", "conflict", "refuse:AccessDeniedException"),
}


class Kill:
    """When the gateway dies: at the count-th hit of a point, or so many seconds after arming."""

    def __init__(self, when, point=None, count=0, after_s=0.0, disk=None):
        self.when = when      # "boot", "work" or "quiet"
        self.point = point    # a number, ANY_POINT, or None for an instant
        self.count = count
        self.after_s = after_s
        self.disk = disk or {}  # what fails then

    def __repr__(self):
        what = f"{self.after_s * 1000:.1f} ms" if self.point is None else \
            f"point {self.point:#x} hit {self.count}"
        return f"<{self.when}: {what} {self.disk}>"


def draw_step(draw):
    """Seconds, small against QUIET: what is on its way must not look older than it is."""
    return draw.choice((0, 5, 61, 61, 130))


class Plan:
    def __init__(self, seed, index, points, release=True):
        self.seed = seed
        self.index = index
        self.random = random.Random(f"{seed}/{index}")
        self.points = points
        # The others kill the release binary, in real time.
        self.movable = not release or index % 16 != 15
        self.power_loss = index % 2 == 0
        self.orderly_end = self.random.random() < 0.05
        self.make_policy()
        self.make_options()
        self.make_emulator()
        self.faults = self.make_faults(0.7)
        # A DescribeModel that lags shows the time before a change, not before what it has shown.
        self.late_faults = [f for f in self.make_faults(0.3) if f["fault"] != "stale"]
        self.clients = [self.make_script(i) for i in range(self.random.randint(2, 4))]
        if self.movable:
            story = self.random.random()
            if story < 0.08:
                self.tell_late_start()
            elif story < 0.14:
                self.tell_conflict()
        # After each round of work the clock moves on, so that what was stopped can start again.
        self.rounds = [draw_step(self.random) for _ in range(self.random.randint(3, 6))]
        self.make_kills()

    def make_policy(self):
        draw = self.random
        self.teams = TEAMS[:draw.randint(2, 3)]
        self.models = [f"board-{i}/{draw.randint(1, 2)}" for i in range(draw.randint(3, 7))]
        self.limits = {team: draw.randint(2, 5) for team in self.teams}
        self.account_limit = draw.randint(3, 9)
        # Of a day of UTC: some are small enough to refuse, some are never reached.
        self.unit_hours = {scope: draw.choice((2, 4, 8, 24)) for scope in ("", *self.teams)
                           if draw.random() < 0.4}
        self.end_by_lease = self.movable and draw.random() < 0.25
        self.lease_minutes = 30 if self.end_by_lease else draw.choice((30, 60, 240))
        self.policy = {"version": 1,
                       "account": self.limits_of("", self.account_limit),
                       "teams": {team: {"projects": ["*"], "limits": self.limits_of(team, limit)}
                                 for team, limit in self.limits.items()}}

    def limits_of(self, scope, units):
        limits = {"concurrent_units": units}
        if scope in self.unit_hours:
            limits["unit_hours"] = [{"amount": self.unit_hours[scope], "period": "day"}]
        if scope:
            limits["lease"] = {"default_minutes": self.lease_minutes, "max_minutes": 480}
        return limits

    def make_options(self):
        draw = self.random
        self.options = {
            "reconcile_ms": draw.choice((10, 10, 20)), "attempts": draw.randint(1, 4),
            "backoff_base_ms": 2, "backoff_cap_ms": 8, "aws_attempt_timeout_ms": 150}
        if not self.movable:  # a second and a half, so that a busy machine is no late arrival
            self.options.update(quiet_ms=1500, confirm_ms=20, resend_window_ms=300,
                                unobserved_ms=500, stop_renew_ms=400, reconcile_ms=10)

    def make_emulator(self):
        draw = self.random
        self.emulator = {
            "starting_ms": draw.choice((0, 1000, 50000)) if self.movable else draw.choice((0, 5)),
            "stopping_ms": draw.choice((0, 1000, 50000)) if self.movable else draw.choice((0, 5)),
            "running_models": draw.choice((0, 0, 0, 0, 2)), "units_per_model": 0,
            "start_when_running": draw.choice(("accept", "conflict")),
            "stop_when_starting": draw.choice(("accept", "conflict")),
            "stop_when_stopped": draw.choice(("accept", "conflict")),
            "token_reuse": draw.choice(("conflict", "validation")),
            "quota_before_token": draw.random() < 0.2}

    def make_faults(self, share):
        draw = self.random
        if draw.random() >= share:
            return []
        return [self.make_fault() for _ in range(draw.choice((1, 1, 2, 3, 5)))]

    def make_fault(self):
        draw = self.random
        operation = draw.choices(tuple(FAULTS), (30, 20, 10, 2, 4))[0]
        fault = {"operation": operation, "fault": draw.choice(FAULTS[operation]),
                 "count": draw.choice((1, 1, 1, 2, 3))}
        if fault["fault"] == "delay":
            fault["delay_ms"] = draw.choice((1, 3, 10, 10, 30, 3600 * 1000))
            if operation in ("start", "stop"):
                fault["applied"] = draw.random() < 0.7
        if fault["fault"] == "stale":
            # For less than lies between the two looks of rule 4: that is all they can see through.
            fault["delay_ms"] = 50 * 1000 if self.movable else 10
            del fault["count"]
        if fault["fault"] == "apply_late":
            fault["delay_ms"] = draw.randint(0, LATE_MAX_MS) if self.movable else draw.randint(0, 50)
        if operation in ("start", "stop", "describe") and draw.random() < 0.5:
            fault["model"] = draw.choice(self.models)
        return fault

    def make_script(self, number):
        """Operations of one client, which belongs to one team."""
        draw = self.random
        team = self.teams[number % len(self.teams)]
        script = []
        for i in range(draw.randint(8, 16)):
            what = draw.choices(("start", "start-stop", "stop", "repeat", "alter", "status",
                                 "quota", "list", "dry-run", "lease", "freeze"),
                                (30, 12, 24, 10, 4, 4, 8, 2, 3, 14, 2))[0]
            minimum = draw.choice((1, 1, 1, 2))
            script.append({
                "what": what, "team": team, "model": draw.choice(self.models), "min": minimum,
                "max": draw.choice((0, 0, minimum, minimum + 1)),
                "key": f"{self.index}-{number}-{i}" if draw.random() < 0.7 else None,
                "lease": draw.choice((1, 15, 30, 90, 300, 480)),
                "frozen": draw.choice(("", team)),
                "start_lease": draw.choice((0, 0, 20, 30)) if self.end_by_lease else
                draw.choice((0, 0, 30, 120, 480)),
                "again": draw.random() < 0.8})
        return script

    def tell_late_start(self):
        """A start that AWS applies after it has accepted the stop: only another stop helps."""
        model = self.models[0]
        self.emulator["stop_when_stopped"] = "accept"
        self.faults.insert(0, {"operation": "start", "fault": "apply_late", "count": 12,
                               "delay_ms": self.random.randint(1000, LATE_MAX_MS), "model": model})
        self.begin_with("start-stop", model)

    def tell_conflict(self):
        """A start that AWS applies without an answer, and calls a conflict when it comes again."""
        model = self.models[0]
        self.options["attempts"] = max(2, self.options["attempts"])
        self.faults[:0] = [
            {"operation": "start", "fault": "drop_after", "count": 1, "model": model},
            {"operation": "start", "fault": "conflict", "count": 5, "model": model}]
        self.begin_with("start", model)

    def tell_failed_sync(self):
        """A sync fails, and the ledger goes on for some answers before the power does."""
        self.power_loss = True
        return Kill("work", self.points.index("http.answered"), self.random.randint(4, 20),
                    disk={"fail_syncs": self.random.randint(1, 8)})

    def begin_with(self, what, model):
        self.clients[0].insert(0, {"what": what, "team": self.teams[0], "model": model, "min": 1,
                                   "max": 0, "lease": 90, "key": None, "again": True})

    def lead_to(self, name, when):
        """Points that little leads to get what does; returns when they are passed."""
        model = self.models[0]
        if name == "lease.written":
            self.begin_with("lease", model)
            self.begin_with("start", model)
            return "work"
        if name == "start.announced":
            self.options["attempts"] = max(2, self.options["attempts"])
            self.faults.insert(0, {"operation": "start", "fault": "drop_before", "count": 2,
                                   "model": model})
            self.begin_with("start", model)
            return "work"
        return "boot" if name.startswith("vfs.database") else when

    def make_kills(self):
        draw = self.random
        self.kills = []
        if not self.movable:
            self.kills.append(self.make_instant("work"))
        elif draw.random() < 0.05:
            self.kills.append(self.tell_failed_sync())
        else:
            self.kills.append(self.make_kill(self.index))
        while len(self.kills) < 4 and draw.random() < 0.4:
            when = draw.choice(("boot", "boot", "work", "quiet"))
            if self.movable and draw.random() < 0.6:
                self.kills.append(self.make_kill(draw.randrange(len(self.points)), when))
            else:
                self.kills.append(self.make_instant(when))

    def make_kill(self, number, when=None):
        """Two of three at a named point, in turn, so that none is left out."""
        draw = self.random
        if when is None and draw.random() < 0.3:
            if draw.random() < 0.5:
                return Kill("work", ANY_POINT, draw.randint(1, 400), disk=self.make_disk())
            return self.make_instant(draw.choice(("boot", "work", "work", "quiet")))
        point = number % len(self.points)
        name = self.points[point]
        disk = self.make_disk()
        count = 1 + int(draw.expovariate(0.1 if name.startswith(OFTEN) else 0.7))
        if name in ONCE:
            count = 1
        if name in AFTER_FAILURE:
            # A stop that is kept in memory needs something that was started before.
            disk = {AFTER_FAILURE[name]: draw.randint(20, 120) if name.startswith("stop.") else
                    draw.randint(1, 8)}
        if when is None:
            when = draw.choice(("boot", "work", "work", "quiet"))
        if name in AT_BOOT:
            when = "boot"
        elif name in AFTER_FAILURE:
            when = "work"
        if len(self.kills) == 0:
            when = self.lead_to(name, when)
        return Kill(when, point, count, disk=disk)

    def make_instant(self, when):
        draw = self.random
        most_s = {"boot": 0.03, "work": 0.06, "quiet": 0.1}[when]
        return Kill(when, after_s=draw.uniform(0, most_s), disk=self.make_disk())

    def make_disk(self):
        draw = self.random
        if not self.movable or draw.random() < 0.85:
            return {}
        field = draw.choice(("fail_writes", "fail_syncs", "fail_syncs", "fail_reads", "full_in"))
        return {field: draw.randint(1, 40)}
