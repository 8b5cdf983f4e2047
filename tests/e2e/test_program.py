"""The program as its operator meets it: commands, reload, leaving, TLS, pins, and the log."""

import concurrent.futures
import json
import shutil
import signal
import subprocess

import pytest

from harness import GATEWAY, SECRET_KEY, call, default_policy, eventually


def run(*arguments, **more):
    return subprocess.run([GATEWAY, *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False, **more)


def test_help_version_and_wrong_calls():
    assert run("--version").stdout.startswith("lookout-gateway ")
    shown = run("--help")
    assert shown.returncode == 0 and "--ledger-file" in shown.stdout
    assert run().returncode == 64
    assert run("nothing").returncode == 64


def test_policy_check(tmp_path):
    good = tmp_path / "good.json"
    good.write_text(json.dumps(default_policy(concurrent_units=3)))
    assert "concurrent_units 3" in run("policy", "check", good).stdout
    bad = tmp_path / "bad.json"
    bad.write_text('{"version":1,"account":{"units":3},"teams":{}}')
    refused = run("policy", "check", bad)
    assert refused.returncode == 65 and "/account/units" in refused.stderr
    assert run("policy", "check", tmp_path / "none").returncode == 66


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
