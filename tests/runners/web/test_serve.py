import socket

import pytest

pytest.importorskip("starlette")
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from gymnast.core.errors import UsageError
from gymnast.runners.web.serve import address, app, body, is_loopback, listening, new_token


def client(host="127.0.0.1", token=None, base="http://127.0.0.1:6007"):
    async def told(request):
        return JSONResponse(await body(request))

    made = app("watch.html", [Route("/told", told, methods=["GET", "POST"])], host, token)
    return TestClient(made, base_url=base, raise_server_exceptions=False)


def test_the_page_and_its_files_are_served_with_a_policy_that_lets_nothing_else_in():
    asks = client()
    for path in ("/", "/static/watch.js", "/static/chart.js", "/static/app.css"):
        answer = asks.get(path)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/static/..%2fserve.py", "/static/../serve.py", "/static/%2e%2e/serve.py", "/static//etc/passwd", "/static/x"],
)
def test_no_name_leads_out_of_the_folder(path):
    answer = client().get(path)
    assert answer.status_code == 404
    assert "import" not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:6007", "127.0.0.1.evil.example", "192.168.0.7", ""])
def test_a_name_that_another_site_points_at_this_machine_is_refused(host):
    assert client().get("/", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:6007", "127.0.0.1", "[::1]:6007", "127.3.2.1:80"])
def test_this_machine_is_answered_by_all_of_its_names(host):
    assert client().get("/", headers={"host": host}).status_code == 200


def test_other_sites_can_tell_nothing():
    asks = client()
    assert asks.post("/told", json={"a": 1}).json() == {"a": 1}
    assert asks.post("/told", json={"a": 1}, headers={"origin": "http://127.0.0.1:6007"}).json() == {"a": 1}
    assert asks.post("/told", json={"a": 1}, headers={"origin": "http://evil.example"}).status_code == 403
    assert asks.post("/told", content='{"a": 1}', headers={"content-type": "text/plain"}).status_code == 403
    assert asks.post("/told", data={"a": "1"}).status_code == 403


@pytest.mark.parametrize(("content", "said"), [("nonsense", "no JSON"), ("[1]", "must be a JSON object")])
def test_what_is_no_object_is_an_error_in_one_line(content, said):
    answer = client().post("/told", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_elsewhere_the_page_asks_for_the_token():
    token = new_token("0.0.0.0")
    assert len(token) > 30
    asks = client("0.0.0.0", token, "http://10.0.0.5:6007")
    assert asks.get("/").status_code == 403
    assert asks.get("/?token=wrong").status_code == 403
    assert asks.get("/static/app.css").status_code == 403
    assert asks.get(f"/?token={token}").status_code == 200  # by a cookie, and a redirection without the token
    assert asks.get("/").status_code == 200
    assert asks.post("/told", json={}).status_code == 200


def test_loopback_needs_no_token():
    assert [is_loopback(name) for name in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "example.org", "::")] == [
        *[True] * 3,
        *[False] * 3,
    ]
    assert new_token("127.0.0.1") is None


def test_a_port_that_is_taken_is_passed_by():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with listening("127.0.0.1", port) as found:
            assert port < found.getsockname()[1] < port + 20
            assert address(found, None) == f"http://127.0.0.1:{found.getsockname()[1]}/"
            assert address(found, "abc").endswith("/?token=abc")


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1:6007"):
        listening("192.0.2.1", 6007)
