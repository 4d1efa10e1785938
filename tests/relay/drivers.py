"""A process that tells a run for the tests: python -m tests.relay.drivers KIND URL EPOCH, until it is killed."""

import asyncio
import sys

from tests.relay.stations import Station, delta


async def main(kind: str, url: str, epoch: int) -> None:
    relay = await Station.of(kind, url).relay()
    number = 0
    while True:
        relay.tell("w", "r", epoch, epoch, delta(f"{epoch}.{number} "))
        number += 1
        await asyncio.sleep(0.001)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
