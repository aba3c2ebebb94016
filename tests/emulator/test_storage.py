"""Emptying Azurite while others still work in it, as an app does that goes on with what a test has begun."""

import asyncio

from azure.data.tables.aio import TableServiceClient
from azure.identity.aio import DefaultAzureCredential

from emulator import certificate
from emulator.box import Box
from emulator.environment import ACCOUNT


async def test_those_who_empty_the_same_table_at_once_do_not_stumble_over_each_other(
    azurite: Box, emulator: Box
) -> None:
    address = f"https://127.0.0.1:{azurite.site.ports.tables}/{ACCOUNT}"
    cert = str(certificate.ensure(azurite.site.directory).cert)
    rows = [{"PartitionKey": f"{number % 20}", "RowKey": f"{number}"} for number in range(400)]
    async with (
        DefaultAzureCredential() as credential,
        TableServiceClient(address, credential=credential, connection_verify=cert) as service,
    ):
        table = await service.create_table_if_not_exists("emptied")
        for start in range(20):
            await table.submit_transaction([("create", row) for row in rows[start::20]])
        await asyncio.gather(*(emulator.reset() for _ in range(4)))
        assert [] == [one async for one in table.list_entities()]
