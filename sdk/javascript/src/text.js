// UTF-8 (RFC 3629), for engines without TextEncoder and TextDecoder.

export function encode(text) {
  if (typeof TextEncoder !== "undefined") return new TextEncoder().encode(text);
  const out = new Uint8Array(text.length * 3);
  let end = 0;
  for (const one of text) {
    const code = one.codePointAt(0);
    if (code < 0x80) out[end++] = code;
    else {
      const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
      out[end++] = ((0xff00 >> (more + 1)) & 0xff) | (code >> (6 * more));
      for (let at = more - 1; at >= 0; at--) out[end++] = 0x80 | ((code >> (6 * at)) & 0x3f);
    }
  }
  return out.slice(0, end);
}

// Throws for what is not UTF-8.
export function decode(bytes) {
  if (typeof TextDecoder !== "undefined") return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  const parts = [];
  for (let at = 0; at < bytes.length; ) {
    // As if each byte were a character: one call of the engine, and right for ASCII.
    const plain = String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK));
    if (!/[\x80-\xff]/.test(plain)) {
      parts.push(plain);
      at += plain.length;
      continue;
    }
    const codes = [];
    for (const end = at + plain.length; at < end; ) {
      const [code, next] = codePoint(bytes, at);
      codes.push(code);
      at = next;
    }
    parts.push(String.fromCodePoint.apply(null, codes));
  }
  return parts.join("");
}

// Bytes that are decoded at once.
const CHUNK = 8192;

const LEAST = [0, 0x80, 0x800, 0x10000];

function codePoint(bytes, at) {
  const first = bytes[at];
  if (first < 0x80) return [first, at + 1];
  const more = first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : 0;
  let code = first & (0x3f >> more);
  for (let step = 1; step <= more; step++) {
    const byte = bytes[at + step];
    if (byte === undefined || (byte & 0xc0) !== 0x80) throw new TypeError("not UTF-8");
    code = (code << 6) | (byte & 0x3f);
  }
  const isSurrogate = code >= 0xd800 && code < 0xe000;
  if (more === 0 || code < LEAST[more] || code > 0x10ffff || isSurrogate) throw new TypeError("not UTF-8");
  return [code, at + more + 1];
}
