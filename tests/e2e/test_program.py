"""The program as its operator meets it: commands, reload, leaving, TLS, pins, and the log."""

import concurrent.futures
import json
import re
import shutil
import signal
import subprocess

import pytest

from harness import GATEWAY, SECRET_KEY, SOURCE, call, default_policy, eventually


def run(*arguments, **more):
    return subprocess.run([GATEWAY, *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False, **more)


def test_help_version_and_wrong_calls():
    assert run("--version").stdout.startswith("lookout-gateway ")
    shown = run("--help")
    assert shown.returncode == 0 and "--ledger-file" in shown.stdout
    assert run().returncode == 64
    assert run("nothing").returncode == 64


@pytest.mark.parametrize("command", ["serve", "check-config", "policy", "policy explain", "ledger", "ledger verify",
                                     "token", "token mint"])
def test_each_command_tells_its_usage(command):
    shown = run(*command.split(), "--help")
    assert shown.returncode == 0 and shown.stderr == ""
    assert f"lookout-gateway {command}" in shown.stdout


def test_policy_check(tmp_path):
    good = tmp_path / "good.json"
    good.write_text(json.dumps(default_policy(concurrent_units=3)))
    assert "concurrent_units 3" in run("policy", "check", good).stdout
    bad = tmp_path / "bad.json"
    bad.write_text('{"version":1,"account":{"units":3},"teams":{}}')
    refused = run("policy", "check", bad)
    assert refused.returncode == 65 and "/account/units" in refused.stderr
    assert run("policy", "check", tmp_path / "none").returncode == 66


BUDGET = {"unit_hours": [{"amount": 10, "period": "day", "time_zone": "Europe/Berlin"}],
          "lease": {"default_minutes": 60, "max_minutes": 600}, "concurrent_units": 4}


def explain(policy, *flags):
    return run("policy", "explain", policy, "--team", "assembly", "--project", "boards",
               "--at", "2026-10-24T22:00:00Z", *flags)


def test_policy_explain(tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(default_policy(**BUDGET)))
    fits = explain(policy, "--units", "2")
    assert fits.returncode == 0, fits
    for line in ("admitted: ", "requested 2.500, fits 8 units; resets 2026-10-26 00:00 Europe/Berlin",
                 "largest now at this lease: 4 units", "longest now at these units: 285 minutes",
                 "earliest: 2026-10-24T22:00:00.000Z (now)"):
        assert line in fits.stdout, fits.stdout
    refused = explain(policy, "--units", "1", "--max-units", "2", "--lease-minutes", "300")
    assert refused.returncode == 1, refused
    binding = [line for line in refused.stdout.splitlines() if "<- binds" in line]
    assert len(binding) == 1 and "/teams/assembly/limits/unit_hours/0" in binding[0]
    # 5.25 hours, of which 5 fit before midnight: 25 hours after the day began, for the clock is put back.
    assert "earliest: 2026-10-25T18:00:00.000Z" in refused.stdout
    assert explain(policy, "--units", "2", "--stop-allowance-minutes", "0",
                   "--lease-minutes", "300").returncode == 0


def test_policy_explain_with_a_state(tmp_path):
    policy, state = tmp_path / "policy.json", tmp_path / "state.json"
    policy.write_text(json.dumps(default_policy(**BUDGET)))
    held = {"team": "assembly", "units": 3, "state": "ACTIVE", "from": "2026-10-24T21:00:00Z",
            "until": "2026-10-25T01:00:00+01:00"}
    state.write_text(json.dumps({"version": 1, "reservations": [held]}))
    refused = explain(policy, "--units", "2", "--state", state)
    assert refused.returncode == 1 and "concurrent_units" in refused.stdout.splitlines()[0]
    assert "used 0.000, reserved 6.000, requested 2.500, fits 3 units" in refused.stdout
    assert "earliest: 2026-10-25T00:00:00.000Z" in refused.stdout
    for member, value in (("state", "VOID"), ("until", "tomorrow"), ("units", 0),
                          ("from", "2026-10-24T22:00:01Z"), ("more", 1)):
        state.write_text(json.dumps({"version": 1, "reservations": [{**held, member: value}]}))
        bad = explain(policy, "--units", "2", "--state", state)
        assert bad.returncode == 65 and "/reservations/0" in bad.stderr, bad
    assert explain(policy, "--units", "2", "--state", tmp_path / "none").returncode == 66


def test_policy_explain_without_an_earliest_time(tmp_path):
    policy, state = tmp_path / "policy.json", tmp_path / "state.json"
    total = {**BUDGET, "unit_hours": [{"amount": 10, "period": "total"}]}
    policy.write_text(json.dumps(default_policy(**total)))
    never = explain(policy, "--units", "5")
    assert never.stdout.startswith("refused_ever"), never
    assert "earliest: none: it would fit at no time" in never.stdout
    # Two of ten hours were used and eight are reserved: an end before the lease's makes room.
    held = {"team": "assembly", "units": 2, "state": "ACTIVE", "from": "2026-10-24T21:00:00Z",
            "until": "2026-10-25T02:00:00Z"}
    state.write_text(json.dumps({"version": 1, "reservations": [held]}))
    later = explain(policy, "--units", "2", "--state", state)
    assert later.returncode == 1 and later.stdout.startswith("refused_now"), later
    assert "earliest: none: no lease that ends" in later.stdout
    assert "at no time" not in later.stdout and "never" not in later.stdout


@pytest.mark.parametrize("flags", [[], ["--units", "0"], ["--units", "2", "--max-units", "1"],
                                   ["--units", "1", "--lease-minutes", "0"],
                                   ["--units", "1", "--at", "today"], ["--units", "1", "more"]])
def test_policy_explain_wrong_calls(tmp_path, flags):
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(default_policy()))
    assert explain(policy, *flags).returncode == 64


def test_a_time_zone_that_is_missing(tmp_path):
    window = {"amount": 10, "period": "day", "time_zone": "Europe/Berlim"}
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(default_policy(unit_hours=[window])))
    refused = run("policy", "check", policy)
    assert refused.returncode == 65
    for words in ("/teams/assembly/limits/unit_hours/0/time_zone", "Europe/Berlim",
                  "/usr/share/zoneinfo", "tzdata"):
        assert words in refused.stderr, refused.stderr
    window["time_zone"] = "Europe/Berlin"
    policy.write_text(json.dumps(default_policy(unit_hours=[window])))
    assert run("policy", "check", policy).returncode == 0
    elsewhere = run("policy", "check", policy, env={"TZDIR": str(tmp_path)})
    assert elsewhere.returncode == 65 and str(tmp_path) in elsewhere.stderr


def test_check_config(gateway, tmp_path):
    assert run("check-config", gateway.config_path).returncode == 0
    gateway.write_config(nonsense=1)
    refused = run("check-config", gateway.config_path)
    assert refused.returncode == 78 and "nonsense" in refused.stderr


def test_flags_win_over_environment_and_file(make_gateway, emulator):
    gateway = make_gateway(emulator, environment={"LOOKOUT_GATEWAY_LOG_LEVEL": "debug"})
    assert gateway.end() == 0
    wrong = run("serve", "--config", gateway.config_path, "--threads", "none")
    assert wrong.returncode == 78 and "--threads" in wrong.stderr


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_plain_http_stays_on_loopback(gateway, address):
    refused = run("serve", "--config", gateway.config_path, "--listen", address)
    assert refused.returncode == 78 and "allow_plain_http" in refused.stderr


def test_a_second_process_is_refused(gateway):
    refused = run("serve", "--config", gateway.config_path,
                  env={"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"})
    assert refused.returncode == 77, refused
    assert "ledger" in refused.stderr


def test_a_ledger_is_pinned_to_endpoint_and_region(make_gateway, emulator):
    gateway = make_gateway(emulator)
    assert gateway.end() == 0
    gateway.write_config(aws_region="eu-central-1")
    refused = run("serve", "--config", gateway.config_path)
    assert refused.returncode == 77
    assert "us-east-1" in refused.stderr and "eu-central-1" in refused.stderr


def test_another_account_stops_starts(make_gateway, make_emulator):
    emulator = make_emulator()
    gateway = make_gateway(emulator)
    gateway.wait_ready()
    started = gateway.start()
    eventually(lambda: gateway.status().status == 200)
    emulator.kill()
    # The same address, another account behind it.
    make_emulator(port=emulator.port, account="999999999999")
    eventually(lambda: call(gateway.port, "GET", "/readyz").status == 503, "not ready")
    refused = gateway.start("boards/2")
    assert refused.status == 503, refused
    assert gateway.reservation(started)["State"] == "ACTIVE", "another account frees nothing"


def test_reload_takes_the_new_policy_and_keeps_a_bad_one_out(make_gateway, emulator):
    gateway = make_gateway(emulator, policy=default_policy(concurrent_units=1))
    gateway.wait_ready()
    assert gateway.start("boards/1", units=2).status == 403
    gateway.write_policy(default_policy(concurrent_units=5))
    gateway.reload()
    assert gateway.start("boards/1", units=2).status == 202
    gateway.write_policy({"version": 1, "account": {}, "teams": {"assembly": {"projects": []}}})
    gateway.reload()
    (failed,) = gateway.log_lines("reload.failed")
    assert "/teams/assembly" in failed["message"] + failed.get("pointer", "")
    assert gateway.start("boards/2", units=2).status == 202, "the old policy is in force"


def test_reload_keeps_connections_and_takes_new_keys(make_gateway, emulator, keys, tmp_path):
    own = tmp_path / "own-keys"
    shutil.copytree(keys, own)
    gateway = make_gateway(emulator)
    gateway.wait_ready()
    emulator.fault("start", "delay", delay_ms=500)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        token = gateway.token()
        slow = pool.submit(lambda: gateway.start(token=token))
        eventually(lambda: emulator.received("start") == 1)
        gateway.options["issuers"][0]["keys"] = []
        gateway.write_config()
        gateway.reload()
        gateway.clock.advance(1)
        assert slow.result().status == 202
    assert gateway.call("GET", "/v1/models", token=gateway.token(key="dev-hs256")).status == 401
    assert gateway.call("GET", "/v1/models", token=gateway.token(key="dev-rs256")).status == 200


def test_leaving_answers_what_is_under_way(make_gateway, emulator):
    gateway = make_gateway(emulator, threads=8)
    gateway.wait_ready()
    emulator.fault("start", "delay", delay_ms=1000)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        token = gateway.token()
        slow = pool.submit(lambda: gateway.start(token=token))
        eventually(lambda: emulator.received("start") == 1)
        gateway.child.send_signal(signal.SIGTERM)
        eventually(lambda: gateway.log_lines("serve.leaving"), "the drain")
        gateway.clock.advance(2)
        assert slow.result().status == 202
    assert gateway.child.wait(timeout=60) == 0


def test_leaving_within_the_deadline(make_gateway, emulator):
    gateway = make_gateway(emulator, shutdown_deadline_ms=1000)
    gateway.wait_ready()
    emulator.fault("start", "delay", delay_ms=3600000)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        token = gateway.token()
        slow = pool.submit(lambda: gateway.start(token=token))
        eventually(lambda: emulator.received("start") == 1)
        gateway.child.send_signal(signal.SIGTERM)
        assert gateway.child.wait(timeout=60) == 0
        try:
            slow.result()
        except OSError:
            pass  # cut off, or answered late: both are leaving


def test_tls(make_gateway, emulator, keys):
    gateway = make_gateway(emulator, tls_certificate_file=str(keys / "server.pem"),
                           tls_key_file=str(keys / "server.key"))
    answer = eventually(lambda: call(gateway.port, "GET", "/readyz", tls_ca=keys / "ca.pem"))
    assert answer.status in (200, 503)
    assert gateway.call("GET", "/v1/models", tls_ca=keys / "ca.pem").status == 200
    refused = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}",
                              "-tls1_1", "-cipher", "ALL@SECLEVEL=0"], stdin=subprocess.DEVNULL,
                             capture_output=True, check=False)
    assert b"BEGIN CERTIFICATE" not in refused.stdout


def test_credentials_from_a_file(make_gateway, emulator, tmp_path):
    (tmp_path / "credentials").write_text(
        f"[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"
        f"aws_secret_access_key = {SECRET_KEY}\n")
    gateway = make_gateway(emulator, aws_credentials_file="credentials",
                           environment={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    gateway.wait_ready()
    assert gateway.start().status == 202


def test_wrong_credentials_are_the_gateways_fault(make_gateway, emulator):
    gateway = make_gateway(emulator, environment={"AWS_SECRET_ACCESS_KEY": "wrong"})
    gateway.wait_ready()
    answer = gateway.start()
    assert answer.status == 503, answer
    assert "SignatureDoesNotMatch" in answer.text or "InvalidSignature" in answer.text
    assert gateway.held_units() == 0


def test_the_manual_has_every_metric_and_check(gateway):
    manual = (SOURCE / "gateway/man/lookout-gateway.8").read_text()
    families = {line.split()[2] for line in call(gateway.port, "GET", "/metrics").text.splitlines()
                if line.startswith("# TYPE ")}
    assert len(families) > 10
    told = set(re.findall(r"lookout_[a-z_]+", manual[manual.index(".Sh METRICS"):]))
    assert families == told
    readiness = manual[manual.index(".Sh READINESS"):manual.index(".Sh METRICS")]
    checks = set(call(gateway.port, "GET", "/readyz").json["Checks"])
    assert checks == set(re.findall(r"^\.It Cm (\w+)$", readiness, re.MULTILINE))


def test_one_log_line_a_request_and_no_secret(gateway, emulator):
    token = gateway.token()
    gateway.start(token=token)
    gateway.stop(token=token)
    (client_token,) = {s["token"] for s in emulator.models()["boards/1"]["starts"]}
    log = gateway.log()
    for secret in (token, token.split(".")[2], SECRET_KEY, client_token):
        assert secret not in log
    requests = [line for line in gateway.log_lines() if line.get("route", "").endswith("/start")]
    assert len(requests) == 1 and requests[0]["status"] == 202, requests
