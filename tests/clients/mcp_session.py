# The official client of the Model Context Protocol, on `keywright mcp`.
#
#   python mcp_session.py PROGRAM MODE CALLS [ARGUMENT...]
#
# MODE: legacy (initialize) or auto (server/discover first). CALLS: JSON, a list of [tool,
# arguments]. Prints one line of JSON: the protocol that was agreed on, the tools, and what
# each call answered.

import json
import os
import sys

import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

program, mode, calls, *arguments = sys.argv[1:]


async def call(client, name, given):
    try:
        result = await client.call_tool(name, given)
    except MCPError as error:
        return {"refused": error.message}
    [content] = result.content
    return {"is_error": bool(result.is_error), "answer": json.loads(content.text)}


async def main():
    server = StdioServerParameters(command=program, args=["mcp", *arguments], env=dict(os.environ))
    async with Client(stdio_client(server), mode=mode) as client:
        listed = await client.list_tools()
        answers = [await call(client, name, given) for name, given in json.loads(calls)]
        tools = [tool.model_dump(by_alias=True, exclude_none=True) for tool in listed.tools]
        print(json.dumps({"protocol": client.protocol_version, "tools": tools, "answers": answers}))


anyio.run(main)
