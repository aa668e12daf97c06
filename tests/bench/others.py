"""Two MLLP servers of others, for comparison: python-hl7's and hl7apy's own, as they come.

Each is a process of its own with a handler that only acknowledges; neither stores anything.
hl7apy's closes the connection after each message, so it can only be asked that way.
`python -m tests.bench.others python-hl7 2575` is one of them.
"""

import asyncio
import sys


def python_hl7(port: int) -> None:
    """The asyncio server of the package `hl7`: many messages on a connection."""
    import hl7.mllp

    async def talk(reader, writer) -> None:
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                writer.writemessage(message.create_ack())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def serve() -> None:
        server = await hl7.mllp.start_hl7_server(talk, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(serve())


def hl7apy(port: int) -> None:
    """The threading server of the package `hl7apy`: a message on a connection."""
    from hl7apy.mllp import AbstractHandler, MLLPServer

    class Acknowledge(AbstractHandler):
        def reply(self) -> str:
            header = self.incoming_message.split("\r", 1)[0].split("|")
            answer = f"MSH|^~\\&|OC|OC1|{header[2]}|{header[3]}|20261122||ACK|1|T|2.4"
            return f"\x0b{answer}\rMSA|AA|{header[9]}\r\x1c\r"

    MLLPServer("127.0.0.1", port, {"ORU^R01": (Acknowledge,)}).serve_forever()


SERVERS = {"python-hl7": python_hl7, "hl7apy": hl7apy}

if __name__ == "__main__":
    SERVERS[sys.argv[1]](int(sys.argv[2]))
