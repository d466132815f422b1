// The manifest, made when `dowel connector build` asks.

import { write } from "./json.js";
import { schemaOf } from "./schema.js";

// The version of the contract that this SDK speaks.
const CONTRACT = "0.2.0";

export function manifest(connector, name, version) {
  const operations = [...connector.operations].map(([operation, says]) => ({
    name: operation,
    summary: says.summary,
    input_schema: schemaOf(says.input),
    output_schema: schemaOf(says.output, { output: true }),
    idempotency: says.idempotency,
    effect: says.effect,
    compensated_by: says.compensatedBy,
    deprecated: says.deprecated,
    pagination: says.pagination && {
      cursor_in: says.pagination.cursorIn,
      cursor_out: says.pagination.cursorOut,
      items: says.pagination.items,
    },
    deadline_ms: says.deadlineMs,
    retry_kinds: says.retryKinds,
    example_input: says.exampleInput,
    example_output: says.exampleOutput,
  }));
  const sources = [...connector.sources].map(([source, says]) => ({
    name: source,
    summary: says.summary,
    params_schema: schemaOf(says.params),
    event_schema: schemaOf(says.event, { output: true }),
    deadline_ms: says.deadlineMs,
  }));
  return write({
    contract: CONTRACT,
    name,
    version,
    summary: connector.summary,
    config_schema: schemaOf(connector.config),
    egress: connector.egress,
    operations,
    sources: sources.length ? sources : undefined,
  });
}
