"""How the portal's page and its parts are given."""

import gzip
import hashlib
import json
import re
from pathlib import Path

import azure.functions as func
import pytest

from shared.domain.subscriptions import Kind
from shared.triggers.portal import answer, parts
from tests.packages.vendor import FILES, LICENCES, PACKAGES, VENDOR, describe

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "shared" / "portal"
FIRST_VIEW = 150_000  # bytes, compressed, without the chart


def ask(name: str, **headers: str) -> func.HttpResponse:
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    return answer(func.HttpRequest("GET", f"/portal/{name}", headers=sent, body=b""), name)


def test_the_page_may_run_and_load_only_what_stands_in_files_of_its_own() -> None:
    policy = dict(part.split(" ", 1) for part in ask("index.html").headers["Content-Security-Policy"].split("; "))
    assert ("'none'", "'self'", "'self'") == (policy["default-src"], policy["script-src"], policy["style-src"])
    assert "unsafe" not in str(policy)


@pytest.mark.parametrize("name", ["index.html", "app.js", "nowhere.js"])
def test_every_answer_is_guarded(name: str) -> None:
    headers = ask(name).headers
    guards = (headers["X-Content-Type-Options"], headers["Referrer-Policy"], headers["Cross-Origin-Opener-Policy"])
    assert ("nosniff", "no-referrer", "same-origin") == guards


def test_what_the_browser_has_is_not_sent_again() -> None:
    etag = ask("app.js").headers["ETag"]
    again = ask("app.js", if_none_match=f'"other", W/{etag}')
    assert (304, b"") == (again.status_code, again.get_body())


def test_parts_come_packed_to_whoever_can_unpack_them() -> None:
    packed = ask("app.js", accept_encoding="gzip, br")
    assert "gzip" == packed.headers["Content-Encoding"]
    assert (FOLDER / "app.js").read_bytes() == gzip.decompress(packed.get_body()) == ask("app.js").get_body()


@pytest.mark.parametrize("name", ["../triggers/portal.py", "%2e%2e/settings.py", "", "views", "app.js/", "vendor.json"])
def test_nothing_else_is_given(name: str) -> None:
    assert 404 == ask(name).status_code


def test_the_first_view_is_small() -> None:
    assert FIRST_VIEW > sum(len(part.packed) for name, part in parts().items() if not name.startswith("vendor/uplot"))


def test_no_part_names_another_host() -> None:
    texts = {name: part.body.decode() for name, part in parts().items() if not name.startswith("vendor/")}
    found = {
        name
        for name, text in texts.items()
        if "//" in text.replace("http://www.w3.org/2000/svg", "") and ("https:" in text or "http:" in text)
    }
    assert set() == found


def test_what_is_vendored_is_what_npm_has_under_its_hash_and_says_its_licence() -> None:
    listed = json.loads((VENDOR / "vendor.json").read_text("utf-8"))
    assert {name: describe(name) for name in FILES} == listed
    for name, told in listed.items():
        assert told["sha256"] == hashlib.sha256((VENDOR / name).read_bytes()).hexdigest()


@pytest.mark.parametrize("package", LICENCES)
def test_the_licence_of_what_is_vendored_comes_along(package: str) -> None:
    assert (PACKAGES / package / "LICENSE").read_bytes() == (VENDOR / f"LICENSE-{package}.txt").read_bytes()


def test_the_portal_knows_every_kind_of_event() -> None:
    source = (FOLDER / "views" / "told.js").read_text("utf-8")
    assert set(map(str, Kind)) == set(re.findall(r"'(io\.postern\.[a-zA-Z.]+)'", source))
