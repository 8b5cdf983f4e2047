"""Rule 12: what runs without a reservation is found, counted, told, and stopped or assigned."""

from harness import at, audit, eventually, ledger

QUIET_S = 15 * 60
CONFIRM_S = 60
SCAN_S = 5 * 60
ADMIN = {"team": None, "scope": "gateway:admin", "subject": "eve"}


def policy(drift="alert", account=None, **team):
    return {"version": 1, "account": {"drift": drift, **(account or {})},
            "teams": {"assembly": {"projects": ["*"], "limits": team}}}


def behind(emulator, model="boards/7", status="HOSTED", **units):
    """Somebody starts a model with the console."""
    project, version = model.split("/")
    emulator.control("POST", "set-status", {"project": project, "version": version,
                                            "status": status, **units})


def admin(gateway, method, path, body=None):
    return gateway.call(method, path, body, token=gateway.token(**ADMIN))


def drift(gateway):
    answer = admin(gateway, "GET", "/v1/admin/drift")
    assert answer.status == 200, answer
    return answer.json["Models"]


def found(gateway, clock, count=1):
    """Lets scans come until they have found it."""
    def look():
        rows = drift(gateway)
        if len(rows) == count:
            return rows
        clock.advance(SCAN_S / 10)
        return None
    return eventually(look, "the drift")


def scan(gateway, clock, emulator, lists=1):
    """Lets so many more lists of models come."""
    wanted = emulator.received("list_models") + lists

    def look():
        if emulator.received("list_models") >= wanted:
            return True
        clock.advance(SCAN_S / 10)
        return False
    eventually(look, "a scan")


def test_drift_is_found_counted_and_told(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=policy(account={"concurrent_units": 5}))
    gateway.wait_ready()
    behind(emulator, units=4)
    row = found(gateway, clock)[0]
    assert (row["Team"], row["Origin"], row["Units"]) == ("_unassigned", "drift", 4)
    assert row["State"] == "ACTIVE" and row["Status"] == "HOSTED"
    assert row["LeaseEndsAt"] is None
    warned = gateway.log_lines("drift.found")
    assert len(warned) == 1 and warned[0]["level"] == "warning" and "boards" in str(warned[0])
    assert "lookout_drift_models 1" in gateway.call("GET", "/metrics").text

    # The account has one unit left for teams.
    assert gateway.start("boards/1", 2).problem == "quota-exceeded"
    assert gateway.start("boards/1", 1).status == 202
    # And whoever wants the very model is told what it is, and nothing of anybody.
    held = gateway.start("boards/7", 1)
    assert held.problem == "model-held" and held.status == 409
    assert "drift" in held.json["detail"] and "administrator" in held.json["detail"]
    assert "Reservation" not in held.json
    assert gateway.stop("boards/7").problem == "model-not-held"

    # It is no drift any more when it has stopped, and the account has its units back.
    behind(emulator, status="TRAINED")
    closed = gateway.wait_state(row["Id"], "CLOSED", advancing_s=30, token=gateway.token(**ADMIN))
    assert closed["EndReason"] == "vanished"
    assert gateway.start("boards/2", 4).status == 202
    assert drift(gateway) == []


def test_an_administrator_stops_drift(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=policy())
    gateway.wait_ready()
    behind(emulator)
    row = found(gateway, clock)[0]
    assert gateway.stop("boards/7", token=gateway.token(**ADMIN)).status == 202
    clock.advance(2)
    closed = gateway.wait_state(row["Id"], "CLOSED", advancing_s=30, token=gateway.token(**ADMIN))
    assert closed["EndReason"] == "stopped"
    assert emulator.models()["boards/7"]["status"] == "TRAINED"


def test_the_policy_stops_drift_after_quiet(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=policy("stop"))
    gateway.wait_ready()
    behind(emulator)
    row = found(gateway, clock)[0]
    clock.advance(QUIET_S - 60)
    described = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > described + 2)
    assert emulator.received("stop") == 0
    clock.advance(61)
    eventually(lambda: emulator.received("stop") == 1, "the stop")
    clock.advance(2)
    closed = gateway.wait_state(row["Id"], "CLOSED", advancing_s=30, token=gateway.token(**ADMIN))
    assert closed["EndReason"] == "drift-stopped"
    assert emulator.models()["boards/7"]["status"] == "TRAINED"


def test_alert_stops_nothing(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=policy())
    gateway.wait_ready()
    behind(emulator)
    found(gateway, clock)
    clock.advance(100 * 3600)
    described = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > described + 2)
    assert emulator.received("stop") == 0 and len(drift(gateway)) == 1


def test_what_teams_start_is_no_drift(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=policy("stop"))
    started = gateway.start("boards/1")
    assert started.status == 202
    for _ in range(6):
        scan(gateway, clock, emulator)
    assert drift(gateway) == [] and emulator.received("stop") == 0
    assert gateway.reservation(started)["State"] == "ACTIVE"


def test_a_list_that_lags_is_a_hint_only(make_gateway, emulator, clock):
    """The list still shows a model as running that is stopped: DescribeModel decides."""
    gateway = make_gateway(emulator, policy=policy())
    gateway.wait_ready()
    behind(emulator)
    behind(emulator, status="TRAINED")
    emulator.fault("list_models", "stale", count=1)
    scan(gateway, clock, emulator)
    whole = gateway.metric("lookout_drift_scans_total", outcome="whole")
    scan(gateway, clock, emulator)
    assert gateway.metric("lookout_drift_scans_total", outcome="whole") >= whole
    assert drift(gateway) == [] and gateway.log_lines("drift.found") == []


def test_many_pages_and_lists_that_fail(make_gateway, emulator, clock):
    for number in range(1, 251):
        emulator.control("POST", "models", {"project": "many", "version": number})
    for number in range(1, 121):
        emulator.control("POST", "models", {"project": f"p{number}", "version": 1})
    behind(emulator, "many/250", units=2)
    behind(emulator, "p120/1", units=1)
    emulator.fault("list_projects", "throttle")
    emulator.fault("list_models", "garbage", model="many")
    emulator.fault("list_models", "error_500", model="p1*", count=2)
    gateway = make_gateway(emulator, policy=policy())
    rows = eventually(lambda: len(drift(gateway)) == 2 and drift(gateway), "the drift")
    assert {(r["ProjectName"], r["ModelVersion"]) for r in rows} == {("many", "250"), ("p120", "1")}


def test_an_outage_of_the_lists_is_told_and_starves_nobody(make_gateway, emulator, clock):
    emulator.fault("list_projects", "error_500", count=-1)
    gateway = make_gateway(emulator, policy=policy())
    eventually(lambda: gateway.log_lines("drift.not_listed"), "the warning")
    started = gateway.start("boards/1")
    clock.advance(2)
    eventually(lambda: gateway.reservation(started)["Status"] == "HOSTED")
    assert gateway.stop("boards/1").status == 202
    clock.advance(2)
    gateway.wait_state(started, "CLOSED", advancing_s=30)
    assert admin(gateway, "GET", "/v1/admin/drift").json["LastScanFailed"] is True
    behind(emulator)
    emulator.control("POST", "faults/clear")
    found(gateway, clock)


def test_no_scan_where_it_is_switched_off(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=policy(), drift_scan_minutes=0)
    gateway.wait_ready()
    behind(emulator)
    clock.advance(SCAN_S)
    passes = gateway.metric("lookout_reconciler_passes_total")
    eventually(lambda: gateway.metric("lookout_reconciler_passes_total") > passes + 2)
    assert emulator.received("list_projects") == 0 and drift(gateway) == []


def test_drift_survives_a_restart(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=policy("stop"))
    gateway.wait_ready()
    behind(emulator)
    row = found(gateway, clock)[0]
    gateway.kill()
    again = gateway.restart()
    assert drift(again)[0]["Id"] == row["Id"]
    clock.advance(QUIET_S)
    eventually(lambda: emulator.received("stop") == 1, "the stop")


def test_more_units_than_asked_for_are_charged(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=policy())
    started = gateway.start("boards/1", 1)
    clock.advance(2)
    eventually(lambda: gateway.reservation(started)["Status"] == "HOSTED")
    behind(emulator, "boards/1", units=3)
    described = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > described + 2)
    assert gateway.reservation(started)["Units"] == 1  # it may be the run before
    clock.advance(CONFIRM_S)
    eventually(lambda: gateway.reservation(started)["Units"] == 3, "the units")
    assert len(gateway.log_lines("drift.more_units")) == 1
    assert gateway.held_units() == 3
    # Fewer than that is told once, and charged as before.
    behind(emulator, "boards/1", units=2)
    eventually(lambda: gateway.log_lines("drift.fewer_units"), "the warning")
    described = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > described + 2)
    assert len(gateway.log_lines("drift.fewer_units")) == 1
    assert gateway.reservation(started)["Units"] == 3


def test_assigned_drift_is_told_all_that_it_exceeds(make_gateway, emulator, clock):
    limits = {"units_per_model": 2, "lease": {"max_minutes": 720},
              "unit_hours": [{"amount": 24, "period": "day"}]}
    clock.advance((23 * 3600 - clock.now()) % 86400)  # little of the day is left: the next are exceeded
    gateway = make_gateway(emulator, policy=policy(account={"running_models": 1}, **limits))
    gateway.wait_ready()
    behind(emulator, units=5)
    found(gateway, clock)
    answer = admin(gateway, "POST", "/v1/admin/drift/assign",
                   {"ProjectName": "boards", "ModelVersion": "7", "Team": "assembly",
                    "LeaseMinutes": 10080, "Reason": "a week of it"})
    assert answer.status == 200, answer
    exceeded = [(r["Rule"], r["Limit"], r["Requested"]) for r in answer.json["Exceeds"]]
    assert exceeded == [("units_per_model", 2, 5), ("lease", 720, 10080), ("unit_hours", 24, 120)]


def test_drift_is_assigned_by_hand(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=policy("stop", concurrent_units=2))
    gateway.wait_ready()
    behind(emulator, units=3)
    row = found(gateway, clock)[0]
    body = {"ProjectName": "boards", "ModelVersion": "7", "Team": "assembly", "LeaseMinutes": 60,
            "Reason": "started with the console"}
    assert gateway.call("POST", "/v1/admin/drift/assign", body).problem == "insufficient-scope"
    assert admin(gateway, "POST", "/v1/admin/drift/assign",
                 {**body, "Team": "nobody"}).problem == "invalid-body"
    assert admin(gateway, "POST", "/v1/admin/drift/assign",
                 {**body, "ModelVersion": "8"}).problem == "not-found"
    answer = admin(gateway, "POST", "/v1/admin/drift/assign", body)
    assert answer.status == 200, answer
    assert answer.json["ProjectAllowed"] is True
    exceeded = [(r["Rule"], r["Scope"], r["Limit"], r["Requested"]) for r in answer.json["Exceeds"]]
    assert exceeded == [("concurrent_units", "team", 2, 3)]
    assert answer.json["Reservation"]["Id"] == row["Id"]
    assert answer.json["Reservation"]["Team"] == "assembly"
    assert admin(gateway, "POST", "/v1/admin/drift/assign", body).problem == "not-applicable"
    assert drift(gateway) == []

    # It is theirs now: seen, counted, with a lease that ends; and the policy's "stop" is past.
    assert gateway.reservation(row["Id"])["Subject"] == "eve"
    assert gateway.held_units() == 3
    clock.advance(QUIET_S + 60)
    described = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > described + 2)
    assert emulator.received("stop") == 0
    clock.advance(45 * 60)
    eventually(lambda: emulator.received("stop") == 1, "the lease's end")


def test_an_assigned_lease_counts_from_its_assignment(make_gateway, emulator, clock, tmp_path):
    """After two days of drift: extended, shortened and refused as if it had begun just then."""
    gateway = make_gateway(emulator, policy=policy(lease={"max_minutes": 720}))
    gateway.wait_ready()
    behind(emulator)
    row = found(gateway, clock)[0]
    clock.advance(2 * 24 * 3600)
    answer = admin(gateway, "POST", "/v1/admin/drift/assign",
                   {"ProjectName": "boards", "ModelVersion": "7", "Team": "assembly",
                    "LeaseMinutes": 240, "Reason": "started with the console"})
    assert answer.status == 200, answer
    given = answer.json["Reservation"]
    assert (given["Id"], given["CreatedAt"]) == (row["Id"], row["CreatedAt"])
    assert given["LeaseMinutes"] == 240
    assigned_at = at(given["LeaseEndsAt"]) - 240 * 60
    assert assigned_at - at(row["CreatedAt"]) >= 2 * 24 * 3600

    def lease(minutes):
        answer = gateway.lease(minutes, "boards/7")
        assert answer.status == 200, answer
        changed = answer.json["Reservation"]
        assert changed["LeaseMinutes"] == minutes
        assert at(changed["LeaseEndsAt"]) - assigned_at == minutes * 60
        return answer.json["Changed"]

    clock.advance(10 * 60)
    assert lease(480) and not lease(480)
    assert lease(200)
    too_long = gateway.lease(721, "boards/7")
    assert too_long.status == 403 and too_long.problem == "quota-never-fits", too_long
    numbers = {name: too_long.json[name] for name in
               ("Rule", "Limit", "Requested", "FitsNow", "LargestLeaseMinutes")}
    assert numbers == {"Rule": "lease", "Limit": 720, "Requested": 721, "FitsNow": 720,
                       "LargestLeaseMinutes": 720}
    assert lease(720)
    assert lease(480)
    for seen in (ledger("verify", tmp_path / "ledger.db"),
                 audit(tmp_path / "ledger.db")):
        assert seen.returncode == 0, seen.stderr

    clock.advance(479 * 60 - 10 * 60)
    described = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > described + 2)
    assert emulator.received("stop") == 0
    clock.advance(60)
    eventually(lambda: emulator.received("stop") == 1, "the lease's end")
