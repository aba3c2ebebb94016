"""What the operator says about Amazon EC2, and what is said when it makes no sense."""

import sys

import pytest

from shared.aws_settings import AwsSettings, Place, aws_faults, read_aws_settings
from shared.settings import SettingsError, check_settings, read_settings

ENOUGH = {
    "POSTERN_SUBSCRIPTIONS": "11111111-1111-1111-1111-111111111111",
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
}
AUDIENCE = {"POSTERN_AWS_AUDIENCE": "api://aws"}


def test_without_accounts_nothing_of_aws_is_guarded() -> None:
    assert (None, ()) == (read_aws_settings({}), aws_faults({}))


def test_places_have_a_role_of_their_own_or_the_usual_one() -> None:
    read = read_aws_settings({**AUDIENCE, "POSTERN_AWS": "123456789012:eu-west-1, 210987654321:us-gov-west-1:guard"})
    places = (Place("123456789012", "eu-west-1", "postern"), Place("210987654321", "us-gov-west-1", "guard"))
    assert AwsSettings(places, "api://aws") == read
    assert ["arn:aws:iam::123456789012:role/postern", "arn:aws-us-gov:iam::210987654321:role/guard"] == [
        place.role_arn for place in places
    ]


@pytest.mark.parametrize(
    "text", ["123:eu-west-1", "123456789012", "123456789012:here", "1:a,", "123456789012:eu-west-1:"]
)
def test_what_is_no_place_is_told(text: str) -> None:
    [fault] = aws_faults({**AUDIENCE, "POSTERN_AWS": text})
    assert fault.startswith("POSTERN_AWS must hold account:region or account:region:role")


def test_a_region_that_is_named_twice_is_told() -> None:
    assert 1 == len(aws_faults({**AUDIENCE, "POSTERN_AWS": "123456789012:eu-west-1,123456789012:eu-west-1:other"}))


def test_an_endpoint_without_tls_is_only_for_this_machine() -> None:
    place = {**AUDIENCE, "POSTERN_AWS": "123456789012:eu-west-1"}
    assert () == aws_faults({**place, "POSTERN_AWS_ENDPOINT": "http://127.0.0.1:7444"})
    assert ("POSTERN_AWS_ENDPOINT must hold an https address.",) == aws_faults(
        {**place, "POSTERN_AWS_ENDPOINT": "http://example.com"}
    )


def test_a_fault_is_told_by_the_health_check_and_keeps_nothing_else_from_working() -> None:
    wrong = {**ENOUGH, **AUDIENCE, "POSTERN_AWS": "nonsense"}
    with pytest.raises(SettingsError, match="POSTERN_AWS must hold"):
        check_settings(wrong)
    assert read_settings(wrong).aws is None


def test_an_audience_is_needed() -> None:
    [fault] = aws_faults({"POSTERN_AWS": "123456789012:eu-west-1"})
    assert fault.startswith("POSTERN_AWS_AUDIENCE must hold the Application ID URI")


def test_where_boto3_is_not_installed_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    [fault] = aws_faults({**AUDIENCE, "POSTERN_AWS": "123456789012:eu-west-1"})
    assert "POSTERN_AWS is set, but boto3 is not installed: deploy with requirements-aws.txt." == fault
