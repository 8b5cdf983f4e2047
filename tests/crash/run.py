"""One run: work, die, start again, until quiet; what was seen goes to the judge."""

import json
import threading
import time

import control as control_file
from judge import judge
from processes import ADMIN, Connection, Gateway, Lost, PATIENCE_S, make_token, write_config

QUIET_STEPS_MAX = 150
LEASE_STEPS = 60  # then what was extended far is stopped
REAL_PATIENCE_S = 20.0  # for the release binary, which no clock can be moved for


class Broken(Exception):
    """Something that no kill explains: the gateway ended by itself, or nothing moves."""


class Client(threading.Thread):
    """One client of one team; keeps its place in its script over the gateway's deaths."""

    def __init__(self, run, script):
        super().__init__(daemon=True)
        self.run_ = run
        self.script = script
        self.connection = None

    def work(self, most):
        """Up to `most` operations; ends early when the gateway is gone."""
        self.connection = Connection(self.run_.gateway.port)
        try:
            for _ in range(most):
                if not self.script:
                    return
                step = self.script.pop(0)
                try:
                    self.run_.operate(self.connection, step)
                except Lost:
                    if step["again"]:
                        self.script.insert(0, step)
                    return
        finally:
            self.connection.close()


class Run:
    def __init__(self, world, plan, folder):
        self.world = world
        self.plan = plan
        self.folder = folder
        self.control = control_file.Control(folder / "control")
        self.control.set(power_loss=int(plan.power_loss), seed=plan.random.getrandbits(31))
        self.emulator = world.emulator(plan.movable)
        self.tokens = {team: make_token(world.secret, team, self.now_s())
                       for team in (*plan.teams, ADMIN)}
        self.clients = [Client(self, script) for script in plan.clients]
        self.gateway = None
        self.lock = threading.Lock()
        self.newest = {}       # the model that a team started last
        self.answers = []      # (team, key, model, reservation id) of each start with a 2xx
        self.stops = set()     # reservations whose stop was answered with 202
        self.freezes = set()   # teams that were answered to be frozen, "" = all
        self.over = []         # sentences
        self.killed = []       # the name of the point, or "instant"
        self.boots = 0

    def now_s(self):
        return int(self.world.clock.now() if self.plan.movable else time.time())

    # --- what clients do -------------------------------------------------------------------

    def call(self, connection, team, method, path, body=None, key=None):
        headers = f"Authorization: Bearer {self.tokens[team]}\r\n"
        if key:
            headers += f"Idempotency-Key: {key}\r\n"
        status, text = connection.call(method, path, json.dumps(body).encode() if body else b"",
                                       headers)
        return status, text

    def operate(self, connection, step):
        what, team = step["what"], step["team"]
        model = step["model"]
        if what == "lease" or (what == "stop" and step["again"]):
            model = self.newest.get(team, model)
        project, version = model.split("/")
        path = f"/v1/projects/{project}/models/{version}"
        if what in ("start", "repeat", "alter", "start-stop", "dry-run"):
            self.start(connection, step, path)
        if what in ("stop", "start-stop"):
            self.stop(connection, team, path)
        elif what == "status":
            self.call(connection, team, "GET", path)
        elif what == "lease":
            self.call(connection, team, "POST", path + "/lease", {"LeaseMinutes": step["lease"]})
        elif what == "freeze":
            self.freeze(connection, step, path)
        elif what == "list":
            self.call(connection, team, "GET", "/v1/models")
        elif what == "quota":
            self.look_at_quota(connection, team)

    def start(self, connection, step, path):
        what, team, key = step["what"], step["team"], step["key"]
        body = {"MinInferenceUnits": step["min"]}
        if step["max"]:
            body["MaxInferenceUnits"] = step["max"]
        if step.get("start_lease"):
            body["LeaseMinutes"] = step["start_lease"]
        if what == "dry-run":
            self.call(connection, team, "POST", path + "/start?DryRun=true", body)
            return
        rounds = {"repeat": 2, "alter": 2}.get(what, 1)
        for i in range(rounds):
            if what == "alter" and i == 1:
                body["MinInferenceUnits"] = body["MaxInferenceUnits"] = 2
            status, text = self.call(connection, team, "POST", path + "/start", body, key)
            if status in (200, 202):
                self.note_start(team, key, json.loads(text)["Reservation"])

    def note_start(self, team, key, reservation):
        with self.lock:
            self.answers.append((team, key, reservation["Id"]))
            self.newest[team] = f"{reservation['ProjectName']}/{reservation['ModelVersion']}"

    def stop(self, connection, team, path):
        status, text = self.call(connection, team, "POST", path + "/stop")
        # One that AWS took and a full disk did not is told so: it is no promise over a crash.
        if status == 202 and json.loads(text).get("Recorded", True):
            with self.lock:
                self.stops.add(json.loads(text)["Reservation"]["Id"])

    def freeze(self, connection, step, path):
        """An administrator freezes a team or all, it tries all the same, and he lets go of it."""
        body = {"Reason": "a crash test", **({"Team": step["frozen"]} if step["frozen"] else {})}
        status, _ = self.call(connection, ADMIN, "POST", "/v1/admin/freeze", body)
        if status == 200:
            with self.lock:
                self.freezes.add(step["frozen"])
        self.start(connection, {**step, "key": None}, path)
        self.call(connection, ADMIN, "POST", "/v1/admin/unfreeze", body)

    def look_at_quota(self, connection, team):
        """Promise 2 at an event: used + reserved against both limits."""
        status, text = self.call(connection, team, "GET", "/v1/quota")
        if status != 200:
            return
        quota = json.loads(text)
        for scope in ("TeamLimits", "AccountLimits"):
            units = quota[scope]["concurrent_units"]
            if units["Used"] + units["Reserved"] > units["Limit"]:
                self.over.append(f"/v1/quota of {team}: {scope} {units}")

    # --- life and death ----------------------------------------------------------------------

    def boot(self, kill):
        """False where it died before it listened."""
        if kill is not None and kill.when == "boot":
            self.arm(kill)
        self.boots += 1
        self.gateway = Gateway(self.world, self.folder, self.plan, self.control)
        self.timer = None
        if kill is not None and kill.when == "boot":
            self.start_timer(kill)
        if self.gateway.port is not None:
            return True
        self.check_death(kill)
        return False

    def arm(self, kill):
        self.control.set(**kill.disk)
        if kill.point is not None:
            self.control.arm(kill.point, kill.count)
        else:
            self.control.disarm()

    def start_timer(self, kill):
        if kill.point is None:
            self.timer = threading.Timer(kill.after_s, self.gateway.kill)
            self.timer.start()

    def check_death(self, kill):
        """A death that we did not ask for is a finding."""
        status = self.gateway.child.wait()
        point = self.control.get("killed_at")
        if self.plan.movable and point < len(self.plan.points):
            self.killed.append(self.plan.points[point])
        elif self.gateway.was_killed:
            self.killed.append("instant")
        elif kill is None or not kill.disk or status < 0:
            raise Broken(f"the gateway ended by itself with {status}")
        self.control.disarm()
        self.mend_disk()

    def mend_disk(self):
        self.control.set(disk=control_file.GOOD, fail_writes=0, fail_syncs=0, fail_reads=0,
                         full_in=0)

    def die(self, kill):
        """Dead by now, or at once."""
        if self.timer is not None:
            self.timer.join()
        if not self.gateway.is_dead():
            self.gateway.kill()
        self.check_death(kill)

    def work(self, most):
        for client in self.clients:
            client.thread = threading.Thread(target=client.work, args=(most,), daemon=True)
            client.thread.start()
        for client in self.clients:
            client.thread.join(PATIENCE_S)
            if client.thread.is_alive():
                raise Broken("a client got no answer and no end of its connection")

    def work_on(self):
        """Rounds of work with time between them, and the rest of it in one go."""
        connection = Connection(self.gateway.port)
        try:
            for seconds in self.plan.rounds:
                self.work(3)
                if self.plan.movable and seconds > 0:
                    self.world.clock.advance(seconds)
                    self.wait_for_pass(connection)
        finally:
            connection.close()
        self.work(100)

    # --- until quiet -------------------------------------------------------------------------

    def passes(self, connection):
        status, text = connection.call("GET", "/metrics")
        assert status == 200, text
        for line in text.decode().splitlines():
            if line.startswith("lookout_reconciler_passes_total "):
                return int(line.split()[1])
        raise AssertionError("no lookout_reconciler_passes_total in /metrics")

    def wait_for_pass(self, connection):
        """A whole pass that began after now."""
        want = self.passes(connection) + 2
        deadline = time.monotonic() + PATIENCE_S
        while self.passes(connection) < want:
            if time.monotonic() > deadline:
                raise Broken("the reconciler makes no passes")
            time.sleep(0.003)

    def live(self, connection):
        status, text = self.call(connection, ADMIN, "GET", "/v1/models")
        if status != 200:
            raise Broken(f"/v1/models answers {status}: {text.decode()}")
        return json.loads(text)["Models"]

    def stop_all(self, connection, rows):
        for row in rows:
            if row["Id"] in self.stops and row["State"] != "STOPPING":
                self.over.append(f"left: {row['Id']} is {row['State']} after its stop was answered")
            if row["State"] == "STOPPING":
                continue
            self.stop(connection, ADMIN, f"/v1/projects/{row['ProjectName']}/models/"
                                         f"{row['ModelVersion']}")

    def quiet(self):
        """Stops all (or lets leases end) and moves the clock until nothing is held or runs."""
        connection = Connection(self.gateway.port)
        deadline = time.monotonic() + REAL_PATIENCE_S
        try:
            for count in range(QUIET_STEPS_MAX if self.plan.movable else 100000):
                rows = self.live(connection)
                if not self.plan.end_by_lease or count > LEASE_STEPS:
                    self.stop_all(connection, rows)
                if not rows and self.is_still():
                    return
                self.step(connection)
                if not self.plan.movable and time.monotonic() > deadline:
                    return
        finally:
            connection.close()

    def is_still(self):
        state = self.emulator.control("state")
        return state["running_models"] == 0 and state["late_calls"] == 0

    def step(self, connection):
        if self.plan.movable:
            self.world.clock.advance(self.plan.random.choice((20, 61, 61, 150, 290)))
            self.wait_for_pass(connection)
        else:
            time.sleep(0.005)

    # --- the whole ---------------------------------------------------------------------------

    def once(self, kill):
        """One life of the gateway; `kill` None = the last one, which ends when all is quiet."""
        if not self.boot(kill):
            return
        if kill is not None and kill.when == "work":
            self.arm(kill)
            self.start_timer(kill)
        if kill is None:
            self.work_on()
        else:
            self.work(3)
        if kill is not None and kill.when == "work":
            self.die(kill)
            return
        if kill is not None and kill.when == "quiet":
            self.arm(kill)
            self.start_timer(kill)
        if kill is None or kill.when == "quiet":
            try:
                self.quiet()
            except Lost:
                if kill is None or not self.gateway.dies():
                    raise
            except Broken:
                if kill is None or not kill.disk:
                    raise
        if kill is not None:
            self.die(kill)

    def play(self):
        self.emulator.control("reset", {})
        self.emulator.control("settings", self.plan.emulator)
        for fault in self.plan.faults:
            self.emulator.control("faults", fault)
        write_config(self.folder, self.world, self.plan, self.emulator.url)
        for kill in self.plan.kills:
            self.once(kill)
        for fault in self.plan.late_faults:
            self.emulator.control("faults", fault)
        self.once(None)
        self.end()

    def end(self):
        if self.gateway.is_dead():
            raise Broken(f"the gateway ended by itself with {self.gateway.child.wait()}")
        if self.plan.orderly_end:
            status = self.gateway.end()
            if status != 0:
                raise Broken(f"the gateway left with {status} after SIGTERM")
        else:
            self.gateway.kill()

    def close(self):
        if self.gateway is not None and not self.gateway.is_dead():
            self.gateway.kill()
        self.control.close()

    def judge(self):
        return judge(self)
