"""`tocsin schema`: the contracts, for those who write posts or read alerts."""

import click
import orjson

from stream.contracts import SCHEMAS, asyncapi, json_schema
from stream.settings import load_settings


@click.command(
    epilog="""\b
Examples:
  tocsin schema posts > posts.schema.json
  tocsin schema asyncapi > asyncapi.json      all seven topics, with your prefix and retention
"""
)
@click.argument("contract", type=click.Choice([*SCHEMAS, "asyncapi"]), default="asyncapi")
def schema(contract: str) -> None:
    """Print a contract as JSON.

    posts, alerts, activity and dead-letter-headers are JSON Schemas (2020-12) of one message
    (activity's is MessagePack, and binary where the schema says base64); asyncapi (the default)
    is the AsyncAPI 3.0 document of all topics, as your settings make them.
    """
    document = asyncapi(load_settings()) if contract == "asyncapi" else json_schema(contract)
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
