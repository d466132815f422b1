// As much of URLs (RFC 3986) as requests need.

import { internal, invalidInput } from "./errors.js";

// Component-wise encoding: everything but unreserved characters.
export const encodeComponent = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

// What `encodeURI` leaves alone and a path must not hold; what was encoded already stays.
const encodePath = (text) =>
  encodeURI(text).replace(/%25/g, "%").replace(/[?#]/g, (c) => encodeURIComponent(c));

export function expand(template, params) {
  const used = new Set();
  const expanded = template.replace(/\{(\+?)([^{}]*)\}/g, (_, plus, name) => {
    if (!Object.hasOwn(params, name)) {
      throw internal("invalid-template", `the path \`${template}\` needs a value of \`${name}\``);
    }
    used.add(name);
    const value = String(params[name]);
    const segments = plus ? unescaped(value).split(/[/\\]/) : [value];
    if (segments.some((one) => one === "." || one === "..") || (!plus && value === "")) {
      throw invalidInput("invalid-path", `\`${name}\` cannot stand in a path: it is empty, \`.\` or \`..\``);
    }
    return plus ? encodePath(value) : encodeComponent(value);
  });
  const rest = template.replace(/\{\+?[^{}]*\}/g, "");
  if (used.size < Object.keys(params).length || rest.includes("{")) {
    const message = `the path \`${template}\` does not have every parameter that is given, or has a \`{\` without \`}\``;
    throw internal("invalid-template", message);
  }
  return expanded;
}

function unescaped(value) {
  return value.replace(/%([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

// Scheme, authority, path and query of an absolute URL; nothing for any other text.
export function split(url) {
  const parts = /^(https?):\/\/([^/?#]+)([^?#]*)(\?[^#]*)?(?:#.*)?$/.exec(url);
  if (!parts || /[\s\\]/.test(url)) return undefined;
  const [, scheme, authority, path, query = ""] = parts;
  return { scheme, authority, path: path || "/", query };
}

// Where a redirect from `base` leads (RFC 3986, section 5.2); nothing if nowhere.
export function resolve(base, location) {
  const from = split(base);
  if (!from) return undefined;
  const to = location.replace(/#.*$/, "");
  if (/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(to)) return split(to) ? to : undefined;
  if (to.startsWith("//")) return split(`${from.scheme}:${to}`) ? `${from.scheme}:${to}` : undefined;
  const origin = `${from.scheme}://${from.authority}`;
  const [, path, query] = /^([^?]*)(\?.*)?$/.exec(to);
  if (path === "") return `${origin}${from.path}${query ?? from.query}`;
  const whole = path.startsWith("/") ? path : from.path.replace(/[^/]*$/, "") + path;
  const url = `${origin}${withoutDots(whole)}${query ?? ""}`;
  return split(url) ? url : undefined;
}

function withoutDots(path) {
  const out = [];
  const segments = path.split("/");
  for (const [index, one] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (one === "..") {
      if (out.length > 1) out.pop();
    } else if (one !== ".") {
      out.push(one);
      continue;
    }
    if (isLast) out.push("");
  }
  return out.join("/");
}
