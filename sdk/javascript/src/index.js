// Connectors for Dowel in JavaScript. The types, with what they mean, are in index.d.ts.

export { Connector } from "./connector.js";
export { ConnectorError } from "./errors.js";
export { NumberText } from "./json.js";
export { s } from "./schema.js";
