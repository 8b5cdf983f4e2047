"""The emulator as a real client sees it: Debian's boto3, without retries."""

import http.client
import json
import shutil
import ssl
import subprocess
import urllib.error

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest

from conftest import KEY_ID, PROGRAM, REGION, SECRET

MODEL = {"ProjectName": "circuit-boards", "ModelVersion": "1"}
START = {**MODEL, "MinInferenceUnits": 1}


def refused(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer


def dropped(call, **arguments):
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        call(**arguments)


def status(client, **model):
    return client.describe_model(**{**MODEL, **model})["ModelDescription"]["Status"]


def test_a_model_starts_runs_and_stops(emulator):
    client = emulator.client()
    before = client.describe_model(**MODEL)["ModelDescription"]
    assert before["Status"] == "TRAINED" and "MinInferenceUnits" not in before
    assert before["ModelArn"] == (
        "arn:aws:lookoutvision:us-east-1:123456789012:model/circuit-boards/1")

    answer = client.start_model(**START, MaxInferenceUnits=2, ClientToken="one")
    assert answer["Status"] == "STARTING_HOSTING"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["ResponseMetadata"]["RequestId"]
    assert answer["ResponseMetadata"]["HTTPHeaders"]["date"].endswith(" GMT")
    assert status(client) == "STARTING_HOSTING"

    emulator.clock.advance(2000)
    hosted = client.describe_model(**{**MODEL, "ModelVersion": "latest"})["ModelDescription"]
    assert hosted["Status"] == "HOSTED" and hosted["ModelVersion"] == "1"
    assert (hosted["MinInferenceUnits"], hosted["MaxInferenceUnits"]) == (1, 2)

    emulator.clock.advance(60000)
    assert client.stop_model(**MODEL)["Status"] == "STOPPING_HOSTING"
    emulator.clock.advance(1000)
    assert status(client) == "TRAINED"
    assert emulator.state()["starts_applied"] == 1
    assert emulator.state()["starts"][0]["token"] == "one"
    assert emulator.state()["stops_applied"] == 1


def test_the_bill_runs_from_start_to_the_end_of_stopping(emulator):
    client = emulator.client()
    client.start_model(**START, MaxInferenceUnits=3)
    emulator.clock.advance(62000)
    running = emulator.control("bill")
    assert running["models"][0]["runs"][0]["to_ms"] is None
    assert 3 * 62000 <= running["unit_ms"] < 3 * 82000
    client.stop_model(**MODEL)
    emulator.clock.advance(600000)
    bill = emulator.control("bill")["models"][0]
    run = bill["runs"][0]
    assert run["units"] == 3
    assert bill["unit_ms"] == 3 * (run["to_ms"] - run["from_ms"])
    assert 63000 <= run["to_ms"] - run["from_ms"] < 83000
    assert (bill["billed_minutes"], bill["unit_minutes"]) == (2, 6)


def test_a_token_is_answered_once_for_eight_hours(emulator):
    client = emulator.client()
    client.start_model(**START, ClientToken="one")
    emulator.clock.advance(5000)
    assert client.start_model(**START, ClientToken="one")["Status"] == "STARTING_HOSTING"
    assert emulator.counters("start")["replayed"] == 1
    assert refused(client.start_model, **START, MaxInferenceUnits=2, ClientToken="one")[:2] == (
        409, "ConflictException")
    emulator.control("settings", {"token_reuse": "validation"})
    assert refused(client.start_model, **START, MaxInferenceUnits=2, ClientToken="one")[:2] == (
        400, "ValidationException")
    emulator.clock.advance(8 * 3600 * 1000)
    assert client.start_model(**START, ClientToken="one")["Status"] == "HOSTED"
    assert emulator.state()["starts_applied"] == 1


def test_switches_for_what_is_documented_nowhere(emulator):
    client = emulator.client()
    assert refused(client.stop_model, **MODEL)[1] == "ConflictException"
    emulator.control("settings", {"stop_when_stopped": "accept"})
    assert client.stop_model(**MODEL)["Status"] == "STOPPING_HOSTING"
    assert emulator.state()["stops_applied"] == 0

    client.start_model(**START)
    assert client.start_model(**START)["Status"] == "STARTING_HOSTING"
    emulator.control("settings", {"start_when_running": "conflict",
                                  "stop_when_starting": "conflict"})
    assert refused(client.start_model, **START)[1] == "ConflictException"
    assert refused(client.stop_model, **MODEL)[1] == "ConflictException"
    emulator.clock.advance(2000)
    assert client.stop_model(**MODEL)["Status"] == "STOPPING_HOSTING"
    with pytest.raises(urllib.error.HTTPError):
        emulator.control("settings", {"starting_ms": 5, "nonsense": 1})
    assert emulator.control("settings")["starting_ms"] == 2000


def test_quotas(make_emulator):
    emulator = make_emulator("--auto-models", "--requests-per-second", "0")
    client = emulator.client()
    code, name, answer = refused(client.start_model, **START, MaxInferenceUnits=6)
    assert (code, name, answer["QuotaCode"]) == (
        402, "ServiceQuotaExceededException", "L-84E8C9F8")
    client.start_model(**START, ClientToken="one")
    client.start_model(ProjectName="b", ModelVersion="1", MinInferenceUnits=5)
    code, name, answer = refused(
        client.start_model, ProjectName="c", ModelVersion="1", MinInferenceUnits=1)
    assert (code, answer["QuotaCode"], answer["ServiceCode"]) == (
        402, "L-82DA2ABD", "lookoutvision")
    assert client.start_model(**START, ClientToken="one")["Status"] == "STARTING_HOSTING"
    emulator.control("settings", {"quota_before_token": True})
    assert refused(client.start_model, **START, ClientToken="one")[0] == 402


def test_requests_a_second(make_emulator):
    emulator = make_emulator("--seed-model=circuit-boards/1", "--requests-per-second=2")
    client = emulator.client()
    codes = []
    for _ in range(50):
        try:
            client.describe_model(**MODEL)
            codes.append(200)
        except botocore.exceptions.ClientError as error:
            codes.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
            assert error.response["Error"]["Code"] == "ThrottlingException"
            assert error.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
            break
    assert codes[:2] == [200, 200] and codes[-1] == 429
    client.start_model(**START)
    emulator.clock.advance(1000)
    client.describe_model(**MODEL)


def test_faults_that_lose_the_answer(emulator):
    client = emulator.client()
    emulator.fault("start", "drop_before")
    dropped(client.start_model, **START, ClientToken="one")
    assert emulator.state()["starts_applied"] == 0
    emulator.fault("start", "drop_after")
    emulator.fault("start", "conflict")
    dropped(client.start_model, **START, ClientToken="one")
    assert emulator.state()["status"] == "STARTING_HOSTING"
    assert refused(client.start_model, **START, ClientToken="one")[:2] == (
        409, "ConflictException")
    assert client.start_model(**START, ClientToken="one")["Status"] == "STARTING_HOSTING"
    assert emulator.state()["starts_applied"] == 1
    assert emulator.counters("start")["answers"] == {
        "dropped": 2, "409 ConflictException": 1, "202": 1}


def test_a_start_that_is_applied_late(emulator):
    client = emulator.client()
    emulator.fault("start", "apply_late", delay_ms=60000)
    dropped(client.start_model, **START, ClientToken="late")
    asked_at = emulator.control("state")["now_ms"]
    emulator.clock.advance(59000 - 20000)
    assert status(client) == "TRAINED"
    emulator.clock.advance(10 * 60000)
    assert status(client) == "HOSTED"
    start = emulator.state()["starts"][0]
    assert start["token"] == "late" and abs(start["at_ms"] - 60000 - asked_at) < 20000
    assert emulator.control("bill")["models"][0]["runs"][0]["from_ms"] == start["at_ms"]


def test_faults_that_spoil_the_answer(emulator):
    client = emulator.client()
    for fault, code, name in [("throttle", 429, "ThrottlingException"),
                              ("error_500", 500, "InternalServerException"),
                              ("refuse:AccessDeniedException", 403, "AccessDeniedException")]:
        emulator.fault("start", fault)
        assert refused(client.start_model, **START)[:2] == (code, name)
    assert emulator.state()["starts_applied"] == 0
    emulator.fault("start", "delay", applied=False)
    assert client.start_model(**START)["Status"] == "STARTING_HOSTING"
    assert emulator.state()["starts_applied"] == 0
    emulator.fault("start", "error_500", applied=True)
    assert refused(client.start_model, **START)[0] == 500
    assert emulator.state()["starts_applied"] == 1
    for fault in "garbage", "half_body":
        emulator.fault("describe", fault)
        with pytest.raises((botocore.exceptions.BotoCoreError, KeyError)):
            status(client)
    emulator.fault("describe", "stale", count=2)
    assert [status(client) for _ in range(3)] == ["TRAINED", "TRAINED", "STARTING_HOSTING"]
    emulator.fault("describe", "stale", delay_ms=600000)
    assert status(client) == "TRAINED"
    emulator.clock.advance(600000)
    assert status(client) == "HOSTED"
    emulator.fault("stop", "replay", model="circuit-boards/1")
    assert client.stop_model(**MODEL)["Status"] == "STOPPING_HOSTING"
    assert emulator.state()["status"] == "HOSTED"


def test_a_delayed_answer_waits_for_the_clock(emulator):
    connection = signed_connection(emulator)
    emulator.fault("describe", "delay", delay_ms=3600000)
    send_describe(emulator, connection)
    emulator.wait_for(lambda: emulator.counters("describe")["faulted"] == 1)
    emulator.clock.advance(3600000)
    assert connection.getresponse().status == 200
    connection.close()


def signed_connection(emulator):
    return http.client.HTTPConnection(emulator.url.removeprefix("http://"), timeout=20)


def send_describe(emulator, connection, change=None):
    """A DescribeModel signed by botocore, then changed."""
    path = "/2020-11-20/projects/circuit-boards/models/1"
    request = botocore.awsrequest.AWSRequest("GET", emulator.url + path)
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(KEY_ID, SECRET), "lookoutvision",
                            REGION).add_auth(request)
    headers = dict(request.headers)
    if change:
        change(headers)
    connection.request("GET", path, headers=headers)


@pytest.mark.parametrize("name, change, text", [
    ("MissingAuthenticationTokenException", lambda h: h.pop("Authorization"), "Missing"),
    ("InvalidSignatureException", lambda h: h.update({"x-amz-extra": "1"}), "x-amz-extra"),
    ("IncompleteSignatureException",
     lambda h: h.update(Authorization=h["Authorization"].replace("host;", "host;x-amz-a;")),
     "'x-amz-a' is named as a SignedHeader, but it does not exist"),
    ("InvalidSignatureException",
     lambda h: h.update(Authorization=h["Authorization"][:-1] + "!"), "does not match"),
])
def test_what_the_verifier_refuses_on_the_wire(emulator, name, change, text):
    connection = signed_connection(emulator)
    send_describe(emulator, connection, change)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["X-Amzn-Errortype"]) == (403, name)
    assert text in json.load(answer)["Message"]
    connection.close()


def test_keys_region_and_clock(emulator):
    assert refused(emulator.client(key_id="AKIDOTHER").describe_model, **MODEL)[1] == (
        "UnrecognizedClientException")
    assert refused(emulator.client(token="x").describe_model, **MODEL)[1] == (
        "UnrecognizedClientException")
    assert "does not match" in str(refused(
        emulator.client(secret="other").describe_model, **MODEL)[2])
    assert "valid Region" in str(refused(
        emulator.client(region="us-west-2").describe_model, **MODEL)[2])
    emulator.control("clock", {"shift_ms": 301000})
    assert "Signature expired" in str(refused(emulator.client().describe_model, **MODEL)[2])
    emulator.control("clock", {"shift_ms": -320000})
    assert "not yet current" in str(refused(emulator.client().describe_model, **MODEL)[2])
    emulator.control("clock", {"shift_ms": 0})
    emulator.client().describe_model(**MODEL)


def test_a_session_token_is_demanded(make_emulator):
    emulator = make_emulator("--session-token", "abc", "--seed-model", "circuit-boards/1")
    emulator.client(token="abc").describe_model(**MODEL)
    assert refused(emulator.client().describe_model, **MODEL)[1] == "UnrecognizedClientException"


def test_parameters_are_judged(emulator):
    client = emulator.client()
    assert refused(client.describe_model, ProjectName="a b", ModelVersion="1")[1] == (
        "ValidationException")
    assert refused(client.describe_model, ProjectName="a", ModelVersion="01")[1] == (
        "ValidationException")
    assert refused(client.start_model, **START, ClientToken="bad token!")[1] == (
        "ValidationException")
    assert refused(client.start_model, **MODEL, MinInferenceUnits=2, MaxInferenceUnits=1)[1] == (
        "ValidationException")
    code, name, answer = refused(client.describe_model, ProjectName="a", ModelVersion="1")
    assert (code, name, answer["ResourceType"]) == (404, "ResourceNotFoundException", "MODEL")
    assert refused(client.describe_project, ProjectName="a")[:2] == (
        404, "UnknownOperationException")


def pages(client, operation, key, **arguments):
    """What boto3's own paginator gets, page by page."""
    return [page[key] for page in client.get_paginator(operation).paginate(**arguments)]


def test_lists_come_in_pages(emulator):
    client = emulator.client()
    for number in range(1, 6):
        emulator.control("models", {"project": "many", "version": number})
        emulator.control("models", {"project": f"project-{number}", "version": 1})
    emulator.control("set-status", {"project": "many", "version": 4, "status": "HOSTED"})

    whole = client.list_models(ProjectName="many")
    assert "NextToken" not in whole and "MinInferenceUnits" not in str(whole)
    assert whole["Models"][3]["ModelArn"] == "arn:aws:lookoutvision:us-east-1:123456789012:model/many/4"
    cut = pages(client, "list_models", "Models", ProjectName="many",
                PaginationConfig={"PageSize": 2})
    assert [[(m["ModelVersion"], m["Status"]) for m in page] for page in cut] == [
        [("1", "TRAINED"), ("2", "TRAINED")], [("3", "TRAINED"), ("4", "HOSTED")],
        [("5", "TRAINED")]]
    token = client.list_models(ProjectName="many", MaxResults=2)["NextToken"]
    assert set("+/=") <= set(token)

    projects = pages(client, "list_projects", "Projects", PaginationConfig={"PageSize": 3})
    assert [[p["ProjectName"] for p in page] for page in projects] == [
        ["circuit-boards", "many", "project-1"], ["project-2", "project-3", "project-4"],
        ["project-5"]]
    assert projects[0][1]["ProjectArn"] == "arn:aws:lookoutvision:us-east-1:123456789012:project/many"


def test_what_lists_refuse(emulator):
    client = emulator.client()
    emulator.control("models", {"project": "circuit-boards", "version": "2"})
    emulator.control("models", {"project": "other", "version": "1"})
    assert refused(client.list_models, ProjectName="a")[2]["ResourceType"] == "PROJECT"
    assert refused(client.list_models, ProjectName="a b")[1] == "ValidationException"
    assert refused(client.list_projects, MaxResults=101)[1] == "ValidationException"
    assert refused(client.list_projects, NextToken="a&b")[1] == "ValidationException"
    token = client.list_models(ProjectName="circuit-boards", MaxResults=1)["NextToken"]
    assert refused(client.list_models, ProjectName="other", NextToken=token)[1] == (
        "ValidationException")
    assert len(client.list_models(ProjectName="circuit-boards", NextToken=token)["Models"]) == 1


def test_faults_of_lists(emulator):
    client = emulator.client()
    emulator.fault("list_projects", "throttle")
    assert refused(client.list_projects)[:2] == (429, "ThrottlingException")
    emulator.fault("list_models", "error_500", model="other")
    assert len(client.list_models(ProjectName="circuit-boards")["Models"]) == 1
    emulator.control("faults/clear", {})
    emulator.fault("list_models", "error_500", model="circuit-*")
    assert refused(client.list_models, ProjectName="circuit-boards")[0] == 500
    emulator.fault("list_models", "garbage")
    with pytest.raises((botocore.exceptions.BotoCoreError, KeyError)):
        client.list_models(ProjectName="circuit-boards")["Models"]
    client.start_model(**START)
    emulator.fault("list_models", "stale")
    for expected in "TRAINED", "STARTING_HOSTING":
        models = client.list_models(ProjectName="circuit-boards")["Models"]
        assert models[0]["Status"] == expected
    with pytest.raises(urllib.error.HTTPError):
        emulator.fault("list_projects", "stale")
    emulator.fault("stop", "throttle", model="circuit-boards/[23]")
    assert client.stop_model(**MODEL)["Status"] == "STOPPING_HOSTING"
    assert emulator.counters("list_models")["received"] == 5


def test_each_list_has_its_own_rate(emulator):
    emulator.control("settings", {"requests_per_second": 1})
    client = emulator.client()
    client.list_projects()
    assert refused(client.list_projects)[1] == "ThrottlingException"
    client.list_models(ProjectName="circuit-boards")
    assert refused(client.list_models, ProjectName="circuit-boards")[1] == "ThrottlingException"
    emulator.clock.advance(1000)
    client.list_projects()


def test_status_by_hand_and_reset(emulator):
    client = emulator.client()
    emulator.control("set-status", {"project": "behind", "version": 7, "status": "HOSTED",
                                    "units": 4})
    assert status(client, ProjectName="behind", ModelVersion="7") == "HOSTED"
    emulator.clock.advance(60000)
    assert emulator.control("bill")["unit_ms"] >= 4 * 60000
    emulator.control("set-status", {"project": "behind", "version": "7",
                                    "status": "HOSTING_FAILED"})
    assert emulator.control("bill")["models"][0]["runs"][0]["to_ms"] is not None
    assert emulator.control("reset", {})["models"] == []
    emulator.control("models", {"project": "circuit-boards", "version": "1"})
    assert status(client) == "TRAINED"


def test_options(make_emulator, monkeypatch):
    monkeypatch.setenv("LOOKOUT_EMULATOR_STARTING_MS", "7")
    monkeypatch.setenv("LOOKOUT_EMULATOR_STOPPING_MS", "8")
    emulator = make_emulator("--stopping-ms", "9", "--token-reuse=validation")
    settings = emulator.control("settings")
    assert (settings["starting_ms"], settings["stopping_ms"]) == (7, 9)
    assert settings["token_reuse"] == "validation"


@pytest.mark.parametrize("options, says", [
    (["--starting-ms", "soon"], "starting-ms"), (["--nonsense", "1"], "--nonsense"),
    (["--region"], "needs a value"), (["--port", "70000"], "--port"),
    (["--seed-model", "a/01"], "a/01"), (["--key", "x"], "--certificate"), (["x"], "an option")])
def test_wrong_options_are_named(options, says):
    done = subprocess.run([PROGRAM, *options], capture_output=True, text=True, timeout=20)
    assert done.returncode == 64 and says in done.stderr


def test_help_names_every_setting(emulator):
    done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0
    for name in emulator.control("settings"):
        assert "--" + name.replace("_", "-") + " " in done.stdout


def test_a_secret_from_a_file(make_emulator, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("from-a-file\n")
    emulator = make_emulator("--secret-access-key-file", secret, "--auto-models")
    emulator.client(secret="from-a-file").describe_model(**MODEL)
    assert refused(emulator.client().describe_model, **MODEL)[0] == 403


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_tls(make_emulator, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    emulator = make_emulator("--certificate", certificate, "--key", key, "--auto-models")
    port = int(emulator.url.rsplit(":", 1)[1])
    context = ssl.create_default_context(cafile=certificate)
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    for _ in range(2):
        connection.request("GET", "/_emulator/settings")
        answer = connection.getresponse()
        assert answer.status == 200 and json.load(answer)["auto_models"] == "yes"
    connection.close()


def test_a_chunked_body(emulator):
    connection = signed_connection(emulator)
    connection.request("POST", "/_emulator/models", body=iter([b'{"project":"chu', b'nked","version":2}']),
                       headers={"Transfer-Encoding": "chunked"}, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 200 and json.load(answer)["model"] == "chunked/2"
    connection.close()


def test_answers_that_are_no_call(emulator):
    connection = signed_connection(emulator)
    for method, path, body, code in [
            ("HEAD", "/x", None, 403), ("GET", "/_emulator/nonsense", None, 404),
            ("GET", "/_emulator/reset", None, 405), ("POST", "/_emulator/models", "[[", 400),
            ("POST", "/_emulator/faults", '{"operation":"start","fault":"none"}', 400),
            ("POST", "/x", "x" * 65537, 413)]:
        connection.request(method, path, body=body)
        answer = connection.getresponse()
        assert answer.status == code and answer.headers["x-amzn-RequestId"]
        answer.read()
    connection.close()
