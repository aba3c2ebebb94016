"""Where anything may be sent: only where the operator says, and never to what only we can reach."""

import pytest

from shared.domain.receivers import Receivers, is_host, is_prefix

RECEIVERS = Receivers(("hooks.example.com", "*.logic.azure.com", "inside.example.com:8443", "127.0.0.1:7443"))
ALLOWED = [
    "https://hooks.example.com",
    "https://hooks.example.com/",
    "https://HOOKS.example.com/a/b?c=d%20e&sig=A-b_c~d",
    "https://hooks.example.com:443/in",
    "https://prod-01.westeurope.logic.azure.com/workflows/1/triggers/manual/paths/invoke?sp=%2Ftriggers&sv=1.0",
    "https://inside.example.com:8443/",
]
REFUSED = [
    "http://hooks.example.com/",
    "ftp://hooks.example.com/",
    "hooks.example.com",
    "https://example.com/",
    "https://evil-hooks.example.com/",
    "https://hooks.example.com.evil.com/",
    "https://logic.azure.com/",
    "https://evillogic.azure.com/",
    "https://hooks.example.com:8443/",
    "https://inside.example.com/",
    "https://user@hooks.example.com/",
    "https://hooks.example.com:secret@evil.com/",
    "https://evil.com#@hooks.example.com/",
    "https://evil.com\\@hooks.example.com/",
    "https://hooks.example.com\\.evil.com/",
    "https://hooks.example.com/#part",
    "https://hooks.example.com/ space",
    "https://hooks.example.com/\r\nHost: evil.com",
    "https://hooks.example.com/ä",
    "https://hooks.examp\u212ae.com/",
    "https://hooks.example.com./",
    "https://hooks.example.com:/",
    "https:/hooks.example.com/",
    "https://",
    "",
    f"https://hooks.example.com/{'x' * 2000}",
    "https://10.0.0.1/",
    "https://127.0.0.1:7443/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
]


@pytest.mark.parametrize("url", ALLOWED)
def test_an_address_on_a_host_of_the_list_is_allowed(url: str) -> None:
    assert None is RECEIVERS.why_not(url)


@pytest.mark.parametrize("url", REFUSED)
def test_every_other_address_is_refused(url: str) -> None:
    assert RECEIVERS.why_not(url)


def test_without_a_list_nothing_is_allowed() -> None:
    assert all(Receivers().why_not(url) for url in ALLOWED)


def test_why_an_address_is_refused_does_not_repeat_what_is_secret_in_it() -> None:
    assert "hunter2" not in str(RECEIVERS.why_not("https://evil.com/hunter2?sig=hunter2"))


def test_a_number_as_a_host_is_allowed_only_where_the_list_and_the_prefixes_say_so() -> None:
    inside = Receivers(("127.0.0.1:7443",), ("127.0.0.0/8",))
    assert (None, True) == (inside.why_not("https://127.0.0.1:7443/"), bool(inside.why_not("https://127.0.0.1/")))
    assert Receivers(("*.0.0.1",), ("127.0.0.0/8",)).why_not("https://127.0.0.1/")


NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 - not to be bound to.
    "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.0.1", "192.0.2.1",
    "198.18.0.1", "224.0.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:10.0.0.1", "::ffff:168.63.129.16", "::127.0.0.1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1", "2002:a00:1::1", "2002:7f00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
]  # fmt: skip


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_only_we_can_reach_is_not_connected_to(address: str) -> None:
    assert not Receivers().admits(address)


@pytest.mark.parametrize("address", ["20.42.0.1", "203.0.114.1", "2603:1020::1", "::ffff:20.42.0.1", "64:ff9b::142a:1"])
def test_what_is_public_is(address: str) -> None:
    assert Receivers().admits(address)


def test_a_prefix_of_the_operator_admits_its_addresses_and_no_others() -> None:
    receivers = Receivers(prefixes=("10.1.0.0/16",))
    assert [True, True, False] == [receivers.admits(one) for one in ("10.1.2.3", "::ffff:10.1.2.3", "10.2.0.1")]


@pytest.mark.parametrize(
    ("text", "right"),
    [("hooks.example.com", True), ("*.logic.azure.com", True), ("a.example.com:8443", True), ("127.0.0.1:7443", True),
     ("[::1]:7443", True), ("*", False), ("*.", False), ("a*.example.com", False), ("https://a.example.com", False),
     ("a.example.com/in", False), ("", False)],
)  # fmt: skip
def test_a_host_of_the_list_is_a_name_or_a_suffix(text: str, right: bool) -> None:  # noqa: FBT001 - a column of the table.
    assert right is is_host(text)


def test_a_prefix_is_one() -> None:
    assert [True, True, False, False] == [is_prefix(one) for one in ("10.0.0.0/8", "fd00::/8", "10.0.0.1/8", "x")]
