"""The manifest, made when `dowel connector build` asks."""

from typing import Any

from . import json_text
from .connector import Connector
from .shape import schema

#: The version of the contract that this SDK speaks.
CONTRACT = "0.2.0"


def manifest(connector: Connector, name: str, version: str) -> str:
    """The connector's manifest as JSON text."""
    document: dict[str, Any] = {
        "contract": CONTRACT,
        "name": name,
        "version": version,
        "summary": connector.summary,
        "config_schema": schema(connector.config),
        "egress": connector.egress,
        "operations": [
            {
                "name": one.name,
                **one.says,
                "input_schema": schema(one.input),
                "output_schema": schema(one.output, output=True),
            }
            for one in connector.operations.values()
        ],
    }
    sources = [
        {
            "name": one.name,
            **one.says,
            "params_schema": schema(one.params),
            "event_schema": schema(one.event, output=True),
        }
        for one in connector.sources.values()
    ]
    if sources:
        document["sources"] = sources
    return json_text.write(document)
