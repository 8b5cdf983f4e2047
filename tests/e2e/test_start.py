"""One start request, from the caller's side: what is answered, and what AWS saw of it."""

import concurrent.futures

import pytest

from harness import call, default_policy, eventually, new_key


def test_start_status_stop(gateway, emulator, clock):
    started = gateway.start(units=1, maximum=2)
    assert started.status == 202, started
    assert started.json["Status"] == "STARTING_HOSTING"
    reservation = started.json["Reservation"]
    assert (reservation["State"], reservation["Units"]) == ("ACTIVE", 2)
    assert gateway.status().json["Status"] == "STARTING_HOSTING"

    clock.advance(2)
    assert gateway.status().json["Status"] == "HOSTED"

    stopped = gateway.stop()
    assert stopped.status == 202, stopped
    assert stopped.json["Status"] == "STOPPING_HOSTING"
    # Two looks a minute apart, and only after AWS was seen to know of the start.
    eventually(lambda: gateway.reservation(started)["Status"] == "STOPPING_HOSTING")
    clock.advance(2)
    eventually(lambda: gateway.reservation(started)["Status"] == "TRAINED")
    assert gateway.reservation(started)["State"] == "STOPPING"
    closed = gateway.wait_state(started, "CLOSED", advancing_s=30)
    assert closed["EndReason"] == "stopped"
    assert emulator.models()["boards/1"]["starts_applied"] == 1


def test_our_token_is_sent_and_the_callers_key_is_not(gateway, emulator):
    key = new_key()
    assert gateway.start(key=key).status == 202
    (start,) = emulator.models()["boards/1"]["starts"]
    assert start["token"] and start["token"] != key


def test_same_model_again_is_the_same_reservation(gateway, emulator):
    first = gateway.start()
    again = gateway.start()
    assert (first.status, again.status) == (202, 200)
    assert first.json["Reservation"]["Id"] == again.json["Reservation"]["Id"]
    assert emulator.starts() == 1


def test_key_replays_and_refuses_other_parameters(gateway, emulator):
    key = new_key()
    first = gateway.start(key=key)
    again = gateway.start(key=key)
    assert (first.status, again.status) == (202, 200)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert gateway.start(key=key, units=2).problem == "idempotency-key-reused"
    assert emulator.starts() == 1


def test_three_ways_to_give_the_key_are_one(gateway):
    key = new_key()
    path = "/v1/projects/boards/models/1/start"
    first = gateway.call("POST", path, {"MinInferenceUnits": 1, "ClientToken": key})
    second = gateway.call("POST", path, {"MinInferenceUnits": 1},
                          headers={"X-Amzn-Client-Token": key})
    assert (first.status, second.status) == (202, 200)
    assert second.headers["Idempotency-Replayed"] == "true"
    differing = gateway.call("POST", path, {"MinInferenceUnits": 1, "ClientToken": key},
                             headers={"Idempotency-Key": new_key()})
    assert differing.status == 400


def test_held_with_other_units_or_by_another_team(make_gateway, emulator):
    policy = default_policy()
    policy["teams"]["paint"] = {"projects": ["*"], "limits": {}}
    gateway = make_gateway(emulator, policy=policy)
    gateway.wait_ready()
    assert gateway.start().status == 202
    own = gateway.start(units=2)
    assert own.status == 409 and "MinInferenceUnits 1" in own.text, own
    other = gateway.start(token=gateway.token(team="paint"))
    assert other.status == 409, other
    assert "assembly" not in other.text and "Lease" not in other.text
    seen = gateway.status(token=gateway.token(team="paint"))
    assert seen.status == 200 and "assembly" not in seen.text and "Lease" not in seen.text
    assert gateway.stop(token=gateway.token(team="paint")).status == 404
    assert gateway.stop(token=gateway.token(team=None, scope="gateway:admin")).status == 202


def test_quota_refusal_names_rule_and_numbers(make_gateway, emulator):
    gateway = make_gateway(emulator, policy=default_policy(concurrent_units=4, units_per_model=3))
    gateway.wait_ready()
    assert gateway.start("boards/1", units=3).status == 202
    later = gateway.start("boards/2", units=2)
    assert later.status == 429, later
    said = later.json
    assert said["Pointer"] == "/teams/assembly/limits/concurrent_units", said
    assert (said["Limit"], said["Used"] + said["Reserved"], said["Requested"]) == (4, 3, 2)
    assert said["LargestFit"] == 1
    never = gateway.start("boards/3", units=4)
    assert never.status == 403, never
    assert never.json["Rule"] == "units_per_model"
    assert emulator.starts() == 1


def test_unknown_team_and_foreign_project_are_refused_by_name(make_gateway, emulator):
    policy = default_policy()
    policy["teams"]["assembly"]["projects"] = ["boards", "solder-*"]
    gateway = make_gateway(emulator, policy=policy)
    gateway.wait_ready()
    unknown = gateway.start(token=gateway.token(team="nobody"))
    assert unknown.status == 403 and "nobody" in unknown.text
    foreign = gateway.start("paint/1")
    assert foreign.status == 403 and "paint" in foreign.text
    assert gateway.start("solder-7/1").status == 202


def test_dry_run_decides_and_calls_nobody(make_gateway, emulator):
    gateway = make_gateway(emulator, policy=default_policy(concurrent_units=2))
    gateway.wait_ready()
    before = emulator.received("describe")
    admitted = gateway.start(query="?DryRun=true", units=2)
    assert admitted.status == 200, admitted
    assert gateway.start(query="?DryRun=true", units=3).status == 403
    assert emulator.received("start") == 0 and emulator.received("describe") == before
    assert gateway.start(units=2).status == 202, "the dry run must have held nothing"


def test_latest_is_resolved_before_it_is_counted(gateway, emulator):
    emulator.control("POST", "models", {"project": "boards", "version": 3})
    started = gateway.start("boards/latest")
    assert started.status == 202, started
    assert started.json["Reservation"]["ModelVersion"] == "3"
    assert list(emulator.models()["boards/3"]["starts"]) != []
    stopped = gateway.stop("boards/latest")
    assert stopped.status == 202 and stopped.json["Reservation"]["ModelVersion"] == "3"


def test_start_model_takes_the_skeleton_of_the_cli(gateway, emulator):
    skeleton = gateway.call("GET", "/v1/start-model/skeleton").json
    placeholders = gateway.call("POST", "/v1/start-model", skeleton)
    assert placeholders.status == 400 and "/ProjectName" in placeholders.text
    skeleton.update(ProjectName="boards", ModelVersion="1", MinInferenceUnits=1,
                    MaxInferenceUnits=1, ClientToken=new_key(), LeaseMinutes=30)
    started = gateway.call("POST", "/v1/start-model", skeleton)
    assert started.status == 202, started
    assert started.json["Reservation"]["LeaseMinutes"] == 30
    assert emulator.starts("boards/1") == 1


def test_token_of_several_teams_names_one(make_gateway, emulator):
    policy = default_policy()
    policy["teams"]["paint"] = {"projects": ["*"], "limits": {}}
    gateway = make_gateway(emulator, policy=policy)
    gateway.wait_ready()
    token = gateway.token(team=["assembly", "paint"])
    unnamed = gateway.start(token=token)
    assert unnamed.status == 400 and "Team" in unnamed.text, unnamed
    named = gateway.start(token=token, query="?Team=paint")
    assert named.json["Reservation"]["Team"] == "paint"
    assert gateway.start("boards/2", token=token, query="?Team=other").status == 403


def test_aws_refusals_are_told_and_hold_nothing(gateway, emulator):
    key = new_key()
    emulator.fault("start", "refuse:ServiceQuotaExceededException")
    refused = gateway.start(key=key)
    assert refused.problem == "upstream-refused", refused
    assert "ServiceQuotaExceededException" in refused.text
    assert gateway.held_units() == 0
    replayed = gateway.start(key=key)
    assert replayed.problem == "upstream-refused", "the key keeps AWS's refusal"
    assert emulator.received("start") == 1
    assert gateway.start().status == 202, "without that key it is a new start"


def test_sixty_four_callers_ten_units(make_gateway, emulator):
    gateway = make_gateway(emulator, policy=default_policy(concurrent_units=10), threads=80)
    gateway.wait_ready()
    token = gateway.token()
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda n: gateway.start(f"boards/{n + 1}", token=token),
                                range(64)))
    admitted = [a for a in answers if a.status == 202]
    refused = [a for a in answers if a.status == 429]
    assert (len(admitted), len(refused)) == (10, 54), answers
    for answer in refused:
        said = answer.json
        assert (said["Limit"], said["Requested"]) == (10, 1)
        assert said["Used"] + said["Reserved"] == 10 and said["LargestFit"] == 0
    assert emulator.starts() == 10


def test_many_at_once_for_one_model_start_it_once(make_gateway, emulator):
    gateway = make_gateway(emulator, threads=40)
    gateway.wait_ready()
    token = gateway.token()
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: gateway.start(token=token), range(32)))
    assert sorted(a.status for a in answers) == [200] * 31 + [202]
    assert emulator.starts() == 1 and emulator.received("start") == 1


def test_dashboards_cost_one_describe(make_gateway, make_emulator):
    emulator = make_emulator()
    gateway = make_gateway(emulator, status_cache_ms=600000, unknown_cache_ms=600000,
                           reconcile_ms=3600000, threads=40)
    gateway.wait_ready()
    token = gateway.token()
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: gateway.status("boards/9", token=token), range(100)))
    assert {a.status for a in answers} == {200}
    assert emulator.received("describe") == 1


def test_unknown_models_are_remembered(make_gateway, make_emulator):
    emulator = make_emulator(**{"auto-models": "no"})
    gateway = make_gateway(emulator, unknown_cache_ms=600000, reconcile_ms=3600000)
    gateway.wait_ready()
    assert [gateway.status("nothing/1").status for _ in range(3)] == [404] * 3
    assert emulator.received("describe") == 1


@pytest.mark.parametrize("path,status", [("/healthz", 200), ("/readyz", 200), ("/metrics", 200)])
def test_operations_need_no_token(gateway, path, status):
    assert call(gateway.port, "GET", path).status == status
