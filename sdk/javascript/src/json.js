// JSON that keeps every digit: nothing goes through a binary floating-point number.

// A number that is not a small integer, as it was written.
export class NumberText {
  constructor(text) {
    if (!NUMBER.test(text)) throw new TypeError("not a number of JSON");
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

// A text (and the colon behind it, if it is a key), or what may be a number.
const TOKEN = /"(?:[^"\\]|\\.)*"(?:[ \t\r\n]*:)?|-?[0-9][0-9.eE+-]*/g;

// Texts of JSON cannot hold this character itself, only the escape: what begins with it and
// another letter was written by `parse` alone.
const MARK = "\\u0000";

// Reads JSON text. Throws a SyntaxError for anything else.
export function parse(text) {
  let marked = false;
  const plain = text.replace(TOKEN, (token) => {
    if (token[0] !== '"') {
      if (!NUMBER.test(token) || isSafe(token)) return token;
      marked = true;
      return `"${MARK}n${token}"`;
    }
    if (token.startsWith(`"${MARK}`) && !token.endsWith(":")) {
      marked = true;
      return `"${MARK}s${token.slice(1)}`;
    }
    return token;
  });
  return marked ? JSON.parse(plain, restore) : JSON.parse(plain);
}

function isSafe(token) {
  const value = Number(token);
  return Number.isSafeInteger(value) && String(value) === token;
}

function restore(_, value) {
  if (typeof value !== "string" || value[0] !== "\0") return value;
  return value[1] === "n" ? new NumberText(value.slice(2)) : value.slice(2);
}

// Writes JSON text. A field that is `undefined` is left out.
export function write(value) {
  if (value === null || value === true || value === false) return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) {
      throw new TypeError("a number that is not a safe integer loses digits: use NumberText");
    }
    return String(value);
  }
  if (value instanceof NumberText) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  if (typeof value === "object") {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${write(field)}`).join(",")}}`;
  }
  throw new TypeError(`${typeof value} has no place in JSON`);
}
