"""An AWS beside the box, for those who guard instances of Amazon EC2 too: moto's server, with one instance in it.

Started only when it is asked for: `python -m emulator.box --aws`. It knows the accounts and what stands there in the
beginning. Refuses to know what EC2 does: that is moto's affair, which holds everything in memory.
"""

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from emulator.environment import AWS_REGION
from emulator.ports import HOST

IMAGE = "ami-760aaa0f"  # One of those that moto knows.
NAME = "bastion"


def connect(port: int) -> Any:  # noqa: ANN401 - the SDK has no types.
    """EC2 as the account's owner sees it."""
    keys = {"aws_access_key_id": "box", "aws_secret_access_key": "box"}
    return boto3.client("ec2", region_name=AWS_REGION, endpoint_url=f"http://{HOST}:{port}", **keys)


def launch(ec2: Any, name: str, *permissions: dict[str, Any]) -> tuple[str, str]:  # noqa: ANN401 - the SDK has no types.
    """Start an instance with a security group of its own that lets this in; the ids of both."""
    group: str = ec2.create_security_group(GroupName=f"{name}-group", Description=f"What reaches {name}")["GroupId"]
    if permissions:
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=list(permissions))
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]
    made = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, SecurityGroupIds=[group], TagSpecifications=tags)
    return str(made["Instances"][0]["InstanceId"]), group


def open_to(source: str, port: int) -> dict[str, Any]:
    """A port over TCP, for one source."""
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": source}]}


def main(port: int) -> None:
    """Serve until told to stop."""
    over = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    # Whoever finds that it answers also finds the instance: it was launched through another port.
    with serving(0) as first:
        launch(connect(first), NAME, open_to("0.0.0.0/0", 22), open_to("0.0.0.0/0", 443))
    with serving(port):
        over.wait()


@contextmanager
def serving(port: int) -> Iterator[int]:
    """An AWS on a port of this machine, which it gives; with 0 on any. All in one process are one and the same."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(HOST, port, verbose=False)
    server.start()
    try:
        yield int(server.get_host_and_port()[1])
    finally:
        server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
