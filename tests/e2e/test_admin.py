"""By hand: freezes of starts, and rows that are settled although the reconciler did not."""

from harness import eventually, ledger, new_key

QUIET_S = 15 * 60
ADMIN = {"team": None, "scope": "gateway:admin", "subject": "eve"}


def two_teams():
    return {"version": 1, "account": {}, "teams": {"assembly": {"projects": ["*"]},
                                                   "paint": {"projects": ["*"]}}}


def admin(gateway, method, path, body=None):
    return gateway.call(method, path, body, token=gateway.token(**ADMIN))


def settle(gateway, reservation, **body):
    return admin(gateway, "POST", f"/v1/reservations/{reservation}/settle",
                 {"Reason": "it is stuck", **body})


def running(gateway, clock, model="boards/1"):
    started = gateway.start(model)
    assert started.status == 202, started
    clock.advance(2)
    eventually(lambda: gateway.reservation(started)["Status"] == "HOSTED")
    return started.json["Reservation"]["Id"]


# --- freezes -------------------------------------------------------------------------------------

def test_a_freeze_stops_starts_and_nothing_else(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=two_teams())
    held = running(gateway, clock)
    answer = admin(gateway, "POST", "/v1/admin/freeze", {"Reason": "the invoice"})
    assert answer.status == 200 and answer.json["Freezes"][0]["Reason"] == "the invoice", answer
    sends = emulator.received("start")
    for query in "", "?DryRun=true":
        refused = gateway.start("boards/2", query=query)
        assert refused.status == 503 and refused.problem == "starts-frozen", refused
        assert (refused.json["Reason"], refused.json["Actor"]) == ("the invoice", "eve")
        assert "Team" not in refused.json and refused.json["FrozenAt"].endswith("Z")
        assert "Retry-After" not in refused.headers
    assert emulator.received("start") == sends and gateway.held_units() == 1
    # What is held is told as ever, and stops as ever.
    assert gateway.start("boards/1").status == 200
    assert gateway.stop("boards/1").status == 202
    clock.advance(2)
    gateway.wait_state(held, "CLOSED", advancing_s=30)

    # It survives, and ends.
    gateway.end()
    again = gateway.restart()
    assert again.start("boards/2").problem == "starts-frozen"
    assert admin(again, "POST", "/v1/admin/unfreeze", {"Reason": "paid"}).json["Freezes"] == []
    assert again.start("boards/2").status == 202
    # Nothing is left to unfreeze: so it is.
    assert admin(again, "POST", "/v1/admin/unfreeze", {"Reason": "paid"}).status == 200


def test_a_freeze_holds_a_start_in_doubt(make_gateway, emulator):
    """Sent before the freeze, and lost: it is looked at, and not sent again, by nobody."""
    gateway = make_gateway(emulator)
    gateway.wait_ready()
    emulator.fault("start", "drop_before", count=-1)
    key = new_key()
    assert gateway.start(key=key).status == 504
    assert admin(gateway, "POST", "/v1/admin/freeze", {"Reason": "the invoice"}).status == 200
    emulator.control("POST", "faults/clear")
    def answers_after_looks():
        described = emulator.received("describe")
        eventually(lambda: emulator.received("describe") > described + 2, "looks")
        shown = ledger("show", gateway.folder / "ledger.db").stdout
        return shown.count('"start answered"')
    answers = answers_after_looks()
    assert gateway.start(key=key).status == 504
    assert answers_after_looks() == answers > 0, "what was not sent was not answered"
    assert emulator.starts() == 0 and gateway.held_units() == 1
    assert admin(gateway, "POST", "/v1/admin/unfreeze", {"Reason": "paid"}).status == 200
    eventually(lambda: emulator.starts() == 1, "the start")



def test_a_freeze_of_one_team(make_gateway, emulator):
    gateway = make_gateway(emulator, policy=two_teams())
    typo = admin(gateway, "POST", "/v1/admin/freeze", {"Team": "pain", "Reason": "r"})
    assert typo.status == 400 and typo.problem == "invalid-body" and "pain" in typo.json["detail"]
    frozen = admin(gateway, "POST", "/v1/admin/freeze", {"Team": "paint", "Reason": "too much"})
    assert [f["Team"] for f in frozen.json["Freezes"]] == ["paint"]
    refused = gateway.start("boards/1", token=gateway.token(team="paint"))
    assert refused.problem == "starts-frozen" and refused.json["Team"] == "paint"
    assert gateway.start("boards/1").status == 202
    assert gateway.call("POST", "/v1/admin/freeze", {"Reason": "r"}).problem == "insufficient-scope"
    assert admin(gateway, "GET", "/v1/admin/freezes").json["Freezes"][0]["Actor"] == "eve"


# --- settling ------------------------------------------------------------------------------------

def test_what_runs_is_settled_only_by_force(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=two_teams())
    held = running(gateway, clock)
    refused = settle(gateway, held)
    assert refused.status == 409 and refused.problem == "needs-force", refused
    assert refused.json["Seen"]["Status"] == "HOSTED" and "runs" in refused.json["detail"]
    assert gateway.reservation(held)["State"] == "ACTIVE"

    done = settle(gateway, held, Force=True)
    assert done.status == 200 and done.json["Settled"] is True, done
    assert "drift" in done.json["Warning"]
    row = done.json["Reservation"]
    assert (row["State"], row["EndReason"]) == ("CLOSED", "settled-by-hand")
    assert gateway.held_units() == 0
    warned = gateway.log_lines("admin.settled")
    assert len(warned) == 1 and warned[0]["reason"] == "it is stuck"
    assert settle(gateway, held).json["Settled"] is False

    # It still runs, and is not forgotten: the search for drift finds it again.
    def drift():
        clock.advance(60)
        return admin(gateway, "GET", "/v1/admin/drift").json["Models"]
    assert eventually(drift, "the drift")[0]["ModelVersion"] == "1"


def test_what_was_seen_stopped_is_settled(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=two_teams(), confirm_ms=3600000)
    held = running(gateway, clock)
    created = gateway.reservation(held)["CreatedAt"]
    emulator.control("POST", "set-status", {"project": "boards", "version": 1,
                                            "status": "TRAINED"})
    for wrong in "2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "soon":
        assert settle(gateway, held, EndedAt=wrong).problem == "invalid-body"
    done = settle(gateway, held, EndedAt=created)
    assert done.status == 200 and done.json["Seen"]["Status"] == "TRAINED", done
    assert "Warning" not in done.json and done.json["Reservation"]["EndedAt"] == created


def test_a_fresh_start_that_is_not_seen_may_still_apply(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=two_teams(), request_deadline_ms=2000, attempts=1)
    emulator.fault("start", "drop_before", count=-1)
    doubt = gateway.start("boards/1")
    assert doubt.status == 504, doubt
    held = doubt.json["Reservation"]["Id"]
    refused = settle(gateway, held)
    assert refused.problem == "needs-force" and "may still take effect" in refused.json["detail"]


def test_who_cannot_look_settles_only_by_force(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=two_teams())
    held = running(gateway, clock)
    emulator.fault("describe", "error_500", count=-1)
    refused = settle(gateway, held)
    assert refused.problem == "needs-force" and "Seen" not in refused.json
    assert "could not be asked" in refused.json["detail"]
    assert settle(gateway, held, Force=True).status == 200


def test_settling_leaves_the_fence(make_gateway, emulator, clock):
    """Rule 6: a stop of unknown fate may still arrive and would end the next start."""
    gateway = make_gateway(emulator, policy=two_teams())
    held = running(gateway, clock)
    emulator.fault("stop", "drop_before", count=-1)
    assert gateway.stop("boards/1").status == 202
    emulator.control("POST", "set-status", {"project": "boards", "version": 1,
                                            "status": "TRAINED"})
    assert settle(gateway, held).status == 200
    assert gateway.start("boards/1").problem == "model-fenced"
    clock.advance(QUIET_S)
    emulator.control("POST", "faults/clear")
    assert gateway.start("boards/1").status == 202


def test_only_administrators_settle(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, policy=two_teams())
    held = running(gateway, clock)
    path = f"/v1/reservations/{held}/settle"
    assert gateway.call("POST", path, {"Reason": "r"}).problem == "insufficient-scope"
    assert admin(gateway, "POST", path, {}).problem == "invalid-body"
    unknown = path.replace(held, "00000000-0000-4000-8000-000000000000")
    assert admin(gateway, "POST", unknown, {"Reason": "r"}).problem == "not-found"
    assert gateway.reservation(held)["State"] == "ACTIVE"
