"""Signatures, against the example of the specification."""

from datetime import UTC, datetime

import pytest

from shared.domain.signing import is_secret, signed_headers

# Standard Webhooks, specification, "Signature scheme": the example with its secret, id, time, body and signature.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - an example.
ID, AT = "msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_example_of_the_specification_is_signed_as_there() -> None:
    headers = signed_headers((SECRET,), ID, AT, BODY)
    assert {"webhook-id": ID, "webhook-timestamp": "1614265330", "webhook-signature": SIGNATURE} == headers


def test_each_secret_gives_a_signature() -> None:
    first, second = signed_headers((SECRET, f"whsec_{'AAAA' * 8}"), ID, AT, BODY)["webhook-signature"].split(" ")
    assert (SIGNATURE, True) == (first, second != SIGNATURE)


def test_another_body_has_another_signature() -> None:
    assert SIGNATURE != signed_headers((SECRET,), ID, AT, BODY + b" ")["webhook-signature"]


@pytest.mark.parametrize(
    ("text", "right"),
    [(SECRET, True), (SECRET.removeprefix("whsec_"), False), ("whsec_AAAA", False), ("whsec_" + "A" * 31, False),
     ("whsec_" + "ä" * 32, False), ("whsec_" + "AAAA" * 30, False), ("", False)],
)  # fmt: skip
def test_a_secret_is_written_as_the_specification_says(text: str, right: bool) -> None:  # noqa: FBT001 - a column of the table.
    assert right is is_secret(text)
