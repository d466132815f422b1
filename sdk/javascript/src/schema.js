// Shapes of JSON: how values are read and written, and their JSON Schema (2020-12).

import { NumberText } from "./json.js";

// A value that does not fit. The message names types and places, never a value.
export class Misfit extends Error {
  constructor(expected, path = "") {
    super(expected);
    this.path = path;
  }

  under(key) {
    const part = String(key).replaceAll("~", "~0").replaceAll("/", "~1");
    return new Misfit(this.message, `/${part}${this.path}`);
  }
}

const DECIMAL = "^-?[0-9]+(\\.[0-9]+)?$";
const IS_DECIMAL = new RegExp(DECIMAL);

function found(value, expected) {
  let name = typeof value;
  if (value === null || value === undefined) name = "null";
  else if (Array.isArray(value)) name = "array";
  else if (value instanceof NumberText || name === "bigint") name = "number";
  return new Misfit(`found ${name}, expected ${expected}`);
}

// `read(value, strict)` takes parsed JSON, `write(value)` an author's value; both give what the
// other side has. `schema(output)` describes it.
class Shape {
  constructor(options, behaviour) {
    this.description = options.description;
    Object.assign(this, behaviour);
  }

  describe(output) {
    const made = this.schema(output);
    return this.description ? { ...made, description: this.description } : made;
  }
}

// A shape that is read and written in the same way.
const same = (options, take, schema) =>
  new Shape(options, { read: take, write: (value) => take(value, false), schema });

function string(options = {}) {
  const { format, minLength, maxLength } = options;
  const schema = prune({ type: "string", format, minLength, maxLength });
  const take = (value) => {
    if (typeof value !== "string") throw found(value, "a string");
    within(value.length, minLength, maxLength);
    return value;
  };
  return same(options, take, () => schema);
}

function integer(options = {}) {
  const { minimum, maximum } = options;
  const schema = prune({ type: "integer", minimum, maximum });
  const take = (value) => {
    if (!Number.isSafeInteger(value)) throw found(value, "an integer");
    within(value, minimum, maximum);
    return value;
  };
  return same(options, take, () => schema);
}

function boolean(options = {}) {
  const take = (value) => {
    if (typeof value !== "boolean") throw found(value, "a boolean");
    return value;
  };
  return same(options, take, () => ({ type: "boolean" }));
}

function decimal(options = {}) {
  const expected = 'a decimal number such as "19.90"';
  const take = (value) => {
    const digits = isNumber(value) ? String(value) : value;
    if (typeof digits !== "string") throw found(value, expected);
    if (!IS_DECIMAL.test(digits)) throw new Misfit(`found another value, expected ${expected}`);
    return digits;
  };
  const schema = (output) => ({
    type: output ? "string" : ["string", "number"],
    format: "decimal",
    pattern: DECIMAL,
  });
  return same(options, take, schema);
}

function number(options = {}) {
  const take = (value) => {
    if (!isNumber(value)) throw found(value, "a number");
    return value instanceof NumberText ? value : new NumberText(String(value));
  };
  return same(options, take, () => ({ type: "number" }));
}

function id(options = {}) {
  const take = (value) => {
    const isText = value instanceof NumberText && /^-?[0-9]+$/.test(value.text);
    if (typeof value === "string" || Number.isSafeInteger(value) || isText) return value;
    throw found(value, "a text or an integer");
  };
  return same(options, take, () => ({ type: ["string", "integer"] }));
}

function any(options = {}) {
  return same(options, (value) => value, () => ({}));
}

function oneOf(choices, options = {}) {
  const take = (value) => {
    if (choices.includes(value)) return value;
    throw new Misfit("the value is not one of those that are possible");
  };
  return same(options, take, () => ({ type: "string", enum: choices }));
}

function array(items, options = {}) {
  const each = (value, one) => {
    if (!Array.isArray(value)) throw found(value, "an array");
    within(value.length, options.minItems, options.maxItems);
    return value.map((item, index) => at(index, () => one(item)));
  };
  const { minItems, maxItems } = options;
  return new Shape(options, {
    read: (value, strict) => each(value, (item) => items.read(item, strict)),
    write: (value) => each(value, (item) => items.write(item)),
    schema: (output) =>
      prune({ type: "array", items: items.describe(output), minItems, maxItems }),
  });
}

function record(values, options = {}) {
  const each = (value, one) => {
    if (!isObject(value)) throw found(value, "an object");
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, at(key, () => one(item))]),
    );
  };
  return new Shape(options, {
    read: (value, strict) => each(value, (item) => values.read(item, strict)),
    write: (value) => each(value, (item) => values.write(item)),
    schema: (output) => ({
      type: "object",
      additionalProperties: values.describe(output),
    }),
  });
}

function optional(inner, options = {}) {
  const wrap = (one) => (value, strict) =>
    value === null || value === undefined ? undefined : one(value, strict);
  return new Shape({ description: inner.description, ...options }, {
    isOptional: true,
    read: wrap((value, strict) => inner.read(value, strict)),
    write: wrap((value) => inner.write(value)),
    schema: (output) => {
      const made = inner.schema(output);
      if (made.type === undefined) return { anyOf: [made, { type: "null" }] };
      const nullable = { ...made, type: [made.type].flat().concat("null") };
      return made.enum ? { ...nullable, enum: [...made.enum, null] } : nullable;
    },
  });
}

function object(fields, options = {}) {
  const entries = Object.entries(fields);
  const take = (value, one) => {
    if (!isObject(value)) throw found(value, "an object");
    const out = {};
    for (const [key, shape] of entries) {
      const given = Object.hasOwn(value, key) ? value[key] : undefined;
      if (given === undefined && !shape.isOptional) throw new Misfit(`missing field \`${key}\``);
      const made = at(key, () => one(shape, given));
      if (made !== undefined) out[key] = made;
    }
    return out;
  };
  const body = (output) => {
    const describe = ([key, shape]) => [key, shape.describe(output)];
    const required = entries.filter(([, shape]) => !shape.isOptional).map(([key]) => key);
    return prune({
      title: options.title,
      type: "object",
      properties: Object.fromEntries(entries.map(describe)),
      required: required.length ? required : undefined,
      additionalProperties: output ? undefined : false,
    });
  };
  return new Shape(options, {
    read: (value, strict) => {
      const unknown = strict && isObject(value) && Object.keys(value).find((key) => !Object.hasOwn(fields, key));
      if (unknown) {
        const names = entries.map(([key]) => `\`${key}\``).join(", ");
        throw new Misfit(`unknown field, expected one of ${names}`);
      }
      return take(value, (shape, given) => shape.read(given, strict));
    },
    write: (value) => take(value, (shape, given) => shape.write(given)),
    schema: body,
  });
}

function at(key, take) {
  try {
    return take();
  } catch (error) {
    throw error instanceof Misfit ? error.under(key) : error;
  }
}

function within(size, low, high) {
  if ((low !== undefined && size < low) || (high !== undefined && size > high)) {
    throw new Misfit("the value is not acceptable");
  }
}

const isNumber = (value) => value instanceof NumberText || Number.isSafeInteger(value) || typeof value === "bigint";
const isObject = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof NumberText);
const prune = (made) => Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined));

export const s = { string, integer, boolean, decimal, number, id, any, oneOf, array, record, optional, object };

// The whole JSON Schema of what is read, or of what is written.
export function schemaOf(shape, { output = false } = {}) {
  return { $schema: "https://json-schema.org/draft/2020-12/schema", ...shape.describe(output) };
}
